"""Every published rule on invented people, one a line: time, status and reason worked out by hand from the definition.

The definitions are those of the catalogue's sources (docs/reference/rules.md). `judged` says how to read a table. What is
common to all: a look is made after day 0; nothing after the end of follow-up counts; on one day an event that a study
names comes before the looks, these before a competing event, and dropping out comes last.
"""

from __future__ import annotations

from typing import Any

import pytest
from judged import agree, meant, read, study_of, verdicts

from ketaoutcomes.domain.rules import shipped_rules

#: Twelve weekly screens.
WEEKS = {f"w{week}": float(week) for week in range(1, 13)}


def said(rule: str, parameter: str, follow_up: str, **more: Any) -> dict[str, Any]:
    return {"rule": {"kind": "shipped", "rule": rule, "period": "main", "parameter": parameter, "follow_up": follow_up, "events": [], "competing": [], **more}}


#: MADRS 22 or more twice in a row, 5 to 15 days apart, or hospitalisation. Ours: the second score dates it, the last look censors.
SUSTAIN_1 = """
who                       | looks                  | events           | left         | rule                           | dated first    | censored at follow up
never high                | 7:10 14:12 28:8        |                  | completed@60 | day 28: censored               | =              | day 60: censored
21 is not 22              | 7:21 14:21 28:21.9     |                  | completed@60 | day 28: censored               | =              | day 60: censored
5 days apart              | 10:22 15:22            |                  | completed@60 | day 15: event                  | day 10: event  | =
5 days, with hours        | 3.2:22 8.2:22          |                  | completed@60 | day 8.2: event                 | day 3.2: event | =
15 days, with hours       | 1.1:22 16.1:22         |                  | completed@60 | day 16.1: event                | day 1.1: event | =
15 days apart             | 10:25 25:22            |                  | completed@60 | day 25: event                  | day 10: event  | =
4 days apart              | 10:25 14:30            |                  | lost@40      | day 14: censored, unconfirmed  | =              | =
16 days apart             | 10:25 26:25 28:10      |                  | completed@60 | day 28: censored               | =              | day 60: censored
too close, then a third   | 10:22 12:23 18:24      |                  | completed@60 | day 18: event                  | day 12: event  | =
too close twice           | 10:22 12:23 15:24 17:9 |                  | completed@60 | day 17: censored               | =              | day 60: censored
a low one between         | 10:25 17:21 24:25 31:9 |                  | completed@60 | day 31: censored               | =              | day 60: censored
one high, then lost       | 10:10 17:22            |                  | lost@45      | day 17: censored, unconfirmed  | =              | =
one high, low, lost       | 10:22 17:10            |                  | lost@45      | day 17: censored, lost         | =              | day 45: censored, lost
ward before the pair      | 10:25 17:25            | ward@8           | completed@60 | day 8: event, ward             | =              | =
ward between them         | 10:25 17:25            | ward@12          | completed@60 | day 12: event, ward            | =              | =
ward on the pair's day    | 10:25 17:25            | ward@17          | completed@60 | day 17: event, ward            | day 10: event  | =
hospital after the pair   | 10:25 17:25            | ward@18          | completed@60 | day 17: event                  | day 10: event  | =
hospital twice            | 10:10                  | ward@40 ward@9   | completed@60 | day 9: event, ward             | =              | =
ward after the last look  | 7:10                   | ward@30          | completed@60 | day 30: event, ward            | =              | =
death between the scores  | 10:25 17:25            | death@12         | dead@12      | day 12: competing, death       | =              | =
death on the pair's day   | 10:25 17:25            | death@17         | dead@17      | day 17: event                  | day 10: event  | =
ward and death, a day     | 10:10                  | death@17 ward@17 | dead@17      | day 17: event, ward            | =              | =
another event is none     | 10:10 17:10            | headache@12      | completed@60 | day 17: censored               | =              | day 60: censored
a score on day 0          | 0:30 6:30 13:10        |                  | completed@60 | day 13: censored               | =              | day 60: censored
hospital on day 0         | 7:10                   | ward@0           | completed@60 | day 0: event, ward             | =              | =
hospital before day 0     | 7:10                   | ward@-3          | completed@60 | day 7: censored                | =              | day 60: censored
never seen                |                        |                  | completed@60 | day 0: censored, no assessment | =              | =
never seen, but on a ward |                        | ward@9           | completed@60 | day 9: event, ward             | =              | =
hospital after the end    | 7:10 14:10             | ward@61          | completed@60 | day 14: censored               | =              | day 60: censored
second after the end      | 10:25 17:25            |                  | lost@15      | day 10: censored, unconfirmed  | =              | =
second on the last day    | 10:25 17:25            |                  | lost@17      | day 17: event                  | day 10: event  | =
nobody wrote when left    | 7:10 14:12             |                  |              | day 14: censored               | =              | =
"""


def test_sustain_1() -> None:
    agree(study_of("madrs", {}, said("sustain_1", "madrs", "disposition", events=["ward"], competing=["death"])), SUSTAIN_1)


#: Remission (MADRS 10 or less) at week 8, day 56, and no relapse after it; stopping is failure. Time counts from day 0.
ESCAPE_TRD = """
who                           | looks                       | events      | left          | rule                           | gap none       | dated first
remission kept                | 56:8 63:10 200:12           |             | completed@224 | day 224: censored              | =              | =
remission with 10             | 56:10                       |             | completed@224 | day 224: censored              | =              | =
11 at week 8                  | 49:5 56:11 63:5             |             | completed@224 | day 56: event, no remission    | =              | =
no score at week 8            | 50:5 63:5                   |             | completed@224 | day 56: event, no remission    | =              | =
never seen                    |                             |             | completed@224 | day 56: event, no remission    | =              | =
never seen nor left           |                             |             |               | day 56: event, no remission    | =              | =
dropped out before week 8     | 28:20                       |             | lost@30       | day 30: event, dropped out     | =              | =
dropped out on day 56, unseen | 28:20                       |             | lost@56       | day 56: event, no remission    | =              | =
dropped out in remission      | 56:8 100:9                  |             | stopped@120   | day 120: event, dropped out    | =              | =
left without dropping out     | 56:8 100:9                  |             | moved@120     | day 120: censored, moved       | =              | =
5 days apart                  | 56:8 100:22 105:22          |             | completed@224 | day 105: event                 | =              | day 100: event
20 days apart                 | 56:8 100:22 120:22 130:5    |             | completed@224 | day 224: censored              | day 120: event | =
high before week 8            | 42:30 49:30 56:8 63:30 70:8 |             | completed@224 | day 224: censored              | =              | =
high on the last day          | 56:8 224:30                 |             | completed@224 | day 224: censored, unconfirmed | =              | =
one high, then done           | 56:8 200:30                 |             | completed@224 | day 200: censored, unconfirmed | =              | =
one high, then lost           | 56:8 200:30                 |             | lost@210      | day 210: event, dropped out    | =              | =
pair and lost on one day      | 56:8 100:22 110:22          |             | lost@110      | day 110: event                 | =              | day 100: event
lost between the scores       | 56:8 100:22 110:22          |             | lost@105      | day 105: event, dropped out    | =              | =
hospital before week 8        | 56:8                        | hospital@20 | completed@224 | day 224: censored              | =              | =
hospital on day 56            | 56:8                        | hospital@56 | completed@224 | day 56: event, hospital        | =              | =
hospital in remission         | 56:8 63:9                   | hospital@80 | completed@224 | day 80: event, hospital        | =              | =
death in remission            | 56:8 63:9                   | death@90    | dead@90       | day 90: competing, death       | =              | =
death before week 8           | 28:20                       | death@30    | dead@30       | day 30: competing, death       | =              | =
death after dropping out      | 28:20                       | death@40    | lost@30       | day 30: event, dropped out     | =              | =
"""


def test_escape_trd() -> None:
    names = {"events": ["hospital"], "competing": ["death"], "dropouts": ["lost", "stopped"], "visit": "week8"}
    agree(study_of("madrs", {"week8": 56.0}, said("escape_trd", "madrs", "disposition", **names)), ESCAPE_TRD)


#: HAM-D17 of 18 or more twice in a row, 7 to 14 days apart, or an event; followed to the last visit, day 84.
HAMD_PAIR = """
who                      | looks             | events                  | left    | rule                           | dated first   | censored at follow up
never high               | 14:10 28:17       |                         |         | day 28: censored               | =             | day 84: censored
7 days apart             | 10:18 17:18       |                         |         | day 17: event                  | day 10: event | =
14 days apart            | 10:30 24:18       |                         |         | day 24: event                  | day 10: event | =
6 days apart, low        | 10:30 16:18 20:3  |                         |         | day 20: censored               | =             | day 84: censored
15 days apart, low       | 10:30 25:18 30:3  |                         |         | day 30: censored               | =             | day 84: censored
6 apart, then 8          | 10:30 16:18 24:20 |                         |         | day 24: event                  | day 16: event | =
15 apart, then 7         | 10:30 25:18 32:20 |                         |         | day 32: event                  | day 25: event | =
one high at the end      | 10:5 80:18        |                         |         | day 80: censored, unconfirmed  | =             | =
second on the last day   | 77:18 84:18       |                         |         | day 84: event                  | day 77: event | =
second a day later       | 78:18 85:18       |                         |         | day 78: censored, unconfirmed  | =             | =
risk of suicide          | 10:5 20:5         | suicidal@15             |         | day 15: event, suicidal        | =             | =
first of two events      | 10:5 20:5         | hospital@19 suicidal@15 |         | day 15: event, suicidal        | =             | =
risk of suicide after 84 | 10:5 20:5         | suicidal@85             |         | day 20: censored               | =             | day 84: censored
death between            | 10:18 20:18       | death@20                |         | day 20: event                  | day 10: event | =
death a day earlier      | 10:18 20:18       | death@19                |         | day 19: competing, death       | =             | =
lost after a look        | 10:5 20:5         |                         | lost@40 | day 20: censored, lost         | =             | day 84: censored, lost
never seen               |                   |                         | lost@1  | day 0: censored, no assessment | =             | =
"""


def test_hamd_pair() -> None:
    rule = said("hamd_pair", "hamd17", "schedule", events=["hospital", "suicidal"], competing=["death"])
    agree(study_of("hamd17", {"end": 84.0}, rule), HAMD_PAIR)


#: MADRS of 22 or more once within 30 days; the column `until` holds each person's last day (written under left).
SALLOUM_30 = """
who                  | looks            | events    | left         | rule                           | censored at follow up
never high           | 3:10 14:21 28:8  |           | completed@30 | day 28: censored               | day 30: censored
22 once              | 3:10 14:22 28:8  |           | completed@30 | day 14: event                  | =
twice: the first     | 3:10 14:22 21:40 |           | completed@30 | day 14: event                  | =
high on day 30       | 3:10 30:22       |           | completed@30 | day 30: event                  | =
high on day 31       | 3:10 31:22       |           | completed@30 | day 3: censored                | day 30: censored
high on day 0        | 0:40 3:10        |           | completed@30 | day 3: censored                | day 30: censored
high within hours    | 0.2:40           |           | completed@30 | day 0.2: event                 | =
lost                 | 3:10 7:12        |           | lost@12      | day 7: censored, lost          | day 12: censored, lost
rescue before        | 3:10 14:22       | rescue@13 | completed@30 | day 13: event, rescue          | =
rescue on the day    | 3:10 14:22       | rescue@14 | completed@30 | day 14: event, rescue          | =
rescue after         | 3:10 14:22       | rescue@15 | completed@30 | day 14: event                  | =
death on the day     | 3:10 14:22       | death@14  | completed@30 | day 14: event                  | =
death the day before | 3:10 14:22       | death@13  | completed@30 | day 13: competing, death       | =
death after the end  | 3:10 14:12       | death@31  | completed@30 | day 14: censored               | day 30: censored
never seen           |                  |           | completed@30 | day 0: censored, no assessment | =
"""


def test_salloum_30() -> None:
    agree(study_of("madrs", {}, said("salloum_30", "madrs", "until", events=["rescue"], competing=["death"])), SALLOUM_30)


#: PHQ-9 of 20 on day 0 unless said otherwise: 10 is a response, 11 is none. Time counts from the first response.
LOSS_OF_RESPONSE = """
who                        | looks                           | events      | left         | rule                           | met 2, of 2
never responded            | 0:20 7:15 14:11                 |             | completed@60 | not at risk                    | =
never seen                 |                                 |             | completed@60 | not at risk                    | =
no score before treatment  | 7:5 14:20                       |             | completed@60 | not at risk                    | =
nothing to lose            | 0:0 7:0 14:9                    |             | completed@60 | not at risk                    | =
response kept              | 0:20 7:10 14:9 28:10            |             | completed@60 | day 21: censored               | =
lost at once, for good     | 0:20 7:10 14:11 21:12           |             | completed@60 | day 7: event                   | =
lost, then back            | 0:20 7:10 14:12 21:8            |             | completed@60 | day 7: event                   | day 14: censored
lost twice, apart          | 0:20 7:10 14:12 21:8 28:12      |             | completed@60 | day 7: event                   | day 21: censored, unconfirmed
lost at the last look      | 0:20 7:10 14:12                 |             | lost@30      | day 7: event                   | day 7: censored, unconfirmed
later response             | 0:20 7:12 28:8 35:9 42:11 49:11 |             | completed@60 | day 14: event                  | =
response, then unseen      | 0:20 7:10                       |             | lost@30      | day 0: censored, no assessment | =
response after the end     | 0:20 7:15 30:5                  |             | lost@20      | not at risk                    | =
loss after the end         | 0:20 7:10 14:9 30:19            |             | lost@20      | day 7: censored, lost          | =
hospital while responding  | 0:20 7:10 14:9                  | hospital@10 | completed@60 | day 3: event, hospital         | =
hospital before responding | 0:20 7:10 14:9                  | hospital@3  | completed@60 | day 7: censored                | =
hospital on the first day  | 0:20 7:10 14:9                  | hospital@7  | completed@60 | day 0: event, hospital         | =
death while responding     | 0:20 7:10 14:9                  | death@20    | dead@20      | day 13: competing, death       | =
death on the day of loss   | 0:20 7:10 14:12                 | death@14    | dead@14      | day 7: event                   | day 7: competing, death
half of an odd score       | 0:21 7:10.5 14:10.6             |             | completed@60 | day 7: event                   | day 7: censored, unconfirmed
"""


def test_loss_of_response() -> None:
    agree(study_of("phq9", {}, said("loss_of_response", "phq9", "disposition", events=["hospital"], competing=["death"])), LOSS_OF_RESPONSE)


#: Four weeks positive from day 21 on (week 3 counts), or seven days of use within seven days. With twelve weeks the four can begin in week 9.
X_BOT = """
who | looks | events | left | rule | 1. dated confirming, censored at last look | 2. dated confirming
no use                         | ------------ |                       |  | week 9: censored              | week 12: censored              | =
positive weeks 3 to 6          | --++++------ |                       |  | week 3: event                 | week 6: event                  | =
positive weeks 2 to 5          | -++++------- |                       |  | week 9: censored              | week 12: censored              | =
positive weeks 1 to 6          | ++++++------ |                       |  | week 3: event                 | week 6: event                  | =
three, negative, three         | --+++-+++--- |                       |  | week 9: censored              | week 12: censored              | =
missing and mixed              | ---o+mo----- |                       |  | week 4: event                 | week 7: event                  | =
never came                     | oooooooooooo |                       |  | week 3: event                 | week 6: event                  | =
the last four                  | --------++++ |                       |  | week 9: event                 | week 12: event                 | =
the last three                 | ---------+++ |                       |  | week 9: censored, unconfirmed | week 12: censored, unconfirmed | =
seven days from day 21         | ------------ | use@21..27            |  | day 21: event, use            | =                              | day 27: event, use
six days from day 21           | ------------ | use@15..26            |  | week 9: censored              | week 12: censored              | =
eight days, one too early      | ------------ | use@20..27            |  | day 21: event, use            | =                              | day 27: event, use
a day's pause                  | ------------ | use@30..35 use@37     |  | week 9: censored              | week 12: censored              | =
twice on one day               | ------------ | use@30 use@30..35     |  | week 9: censored              | week 12: censored              | =
a pause, then seven            | ------------ | use@30..35 use@37..43 |  | day 37: event, use            | =                              | day 43: event, use
screens before days            | -----++++--- | use@50..56            |  | week 6: event                 | day 50: event, use             | =
days before screens            | -----++++--- | use@30..36            |  | day 30: event, use            | =                              | day 36: event, use
days known after screens began | -----++++--- | use@40..46            |  | day 40: event, use            | =                              | week 6: event
both on day 42                 | -----++++--- | use@42..48            |  | week 6: event                 | day 42: event, use             | =
use after four could begin     | ------------ | use@78..84            |  | week 9: censored              | day 78: event, use             | =
use past the end               | ------------ | use@79..85            |  | week 9: censored              | week 12: censored              | =
death between the screens      | --++++------ | death@25              |  | day 25: competing, death      | =                              | =
death on the fourth            | --++++------ | death@42              |  | week 3: event                 | week 6: event                  | =
death on the sixth day of use  | ------------ | use@30..36 death@35   |  | day 35: competing, death      | =                              | =
death on the seventh           | ------------ | use@30..36 death@36   |  | day 30: event, use            | =                              | day 36: event, use
"""


def test_x_bot() -> None:
    agree(study_of("urine_screen", WEEKS, said("x_bot", "urine_screen", "schedule", competing=["death"], types={"use": 1.0}), "weeks"), X_BOT)


#: Four weeks in a row positive, dated by the first; missing and mixed are positive. The last four begin in week 9.
CTN_0094 = """
who                      | looks        | events   | left    | rule
never positive           | ------------ |          |         | week 9: censored
from the start           | ++++++++++++ |          |         | week 1: event
first four               | ++++-------- |          |         | week 1: event
weeks 3 to 6             | --++++------ |          |         | week 3: event
two, then five           | --++-+++++-- |          |         | week 6: event
always three             | +++-+++-+++- |          |         | week 9: censored
missing and mixed        | --+om+------ |          |         | week 3: event
never came               | oooooooooooo |          |         | week 1: event
stayed away from week 6  | -----        |          | lost@36 | week 6: event
last four                | --------++++ |          |         | week 9: event
last three               | ---------+++ |          |         | week 9: censored, unconfirmed
last one missing         | -----------o |          |         | week 9: censored, unconfirmed
three at the end but one | --------+++- |          |         | week 9: censored
lost and negative        | -----------  |          | lost@77 | week 9: censored, unconfirmed
death before the fourth  | ++++-------- | death@27 | dead@27 | day 27: competing, death
death with the fourth    | ++++-------- | death@28 | dead@28 | week 1: event
death without use        | ------------ | death@50 | dead@50 | day 50: competing, death
death after twelve weeks | ------------ | death@85 |         | week 9: censored
"""


def test_ctn_0094() -> None:
    agree(study_of("urine_screen", WEEKS, said("ctn_0094", "urine_screen", "schedule", competing=["death"]), "weeks"), CTN_0094)


#: The same rule where screens are expected only until people leave: fewer than four cannot be four.
CTN_0094_UNTIL_LEFT = """
who                | looks        | events | left         | rule
three weeks, all + | +++          |        | lost@21      | week 1: censored, unconfirmed
two weeks, all -   | --           |        | lost@20      | week 1: censored, lost
five weeks         | +----        |        | lost@35      | week 2: censored, lost
four weeks         | ++++         |        | lost@28      | week 1: event
day 27: no fourth  | ++++         |        | lost@27      | week 1: censored, unconfirmed
left within a week |              |        | lost@5       | day 0: censored, no assessment
missed, then left  | -oooo        |        | lost@35      | week 2: event
missed to the end  | -ooo         |        | lost@34      | week 1: censored, unconfirmed
twelve weeks       | ------------ |        | completed@84 | week 9: censored
"""


def test_ctn_0094_until_people_leave() -> None:
    agree(study_of("urine_screen", WEEKS, said("ctn_0094", "urine_screen", "disposition"), "weeks"), CTN_0094_UNTIL_LEFT)


#: Three positive in a row, dated by the first. A missing one is positive, or (other choice) is not.
KRUPITSKY_2004 = """
who | looks | events | left | rule | missing not met | dated confirming, censored at last look
never positive          | ------------ |           |  | week 10: censored              | =                              | week 12: censored
first three             | +++--------- |           |  | week 1: event                  | =                              | week 3: event
two and two             | ++-++------- |           |  | week 10: censored              | =                              | week 12: censored
mixed counts            | ---+m+------ |           |  | week 4: event                  | =                              | week 6: event
one missing between     | ---+o+------ |           |  | week 4: event                  | week 10: censored              | week 6: event
missing, then three     | --o+++------ |           |  | week 3: event                  | week 4: event                  | week 5: event
never came              | oooooooooooo |           |  | week 1: event                  | week 10: censored              | week 3: event
left in week 7          | ------oooooo |           |  | week 7: event                  | week 10: censored              | week 9: event
last three              | ---------+++ |           |  | week 10: event                 | =                              | week 12: event
last two                | ----------++ |           |  | week 10: censored, unconfirmed | =                              | week 12: censored, unconfirmed
last one missing        | -----------o |           |  | week 10: censored, unconfirmed | week 10: censored              | week 12: censored, unconfirmed
missing before the last | ---------+o+ |           |  | week 10: event                 | week 10: censored, unconfirmed | week 12: event
death before the third  | -+++-------- | death@27  |  | day 27: competing, death       | =                              | =
death with the third    | -+++-------- | death@28  |  | week 2: event                  | =                              | week 4: event
prison before           | -+++-------- | prison@20 |  | day 20: event, prison          | =                              | =
prison with the third   | -+++-------- | prison@28 |  | week 2: event                  | =                              | day 28: event, prison
"""


def test_krupitsky_2004() -> None:
    rule = said("krupitsky_2004", "urine_screen", "schedule", competing=["death"], events=["prison"])
    agree(study_of("urine_screen", WEEKS, rule, "weeks"), KRUPITSKY_2004)


#: Two positive in a row after four weeks of treatment: from week 5, or (other choice) with week 4.
JOHNSON_1992 = """
who | looks | events | left | rule | grace 28 | dated confirming, censored at last look
never positive            | ------------ |           |  | week 11: censored              | =                     | week 12: censored
the first four weeks      | ++++-------- |           |  | week 11: censored              | =                     | week 12: censored
weeks 3 and 4             | --++-------- |           |  | week 11: censored              | =                     | week 12: censored
weeks 4 and 5             | ---++------- |           |  | week 11: censored              | week 4: event         | week 12: censored
weeks 5 and 6             | ----++------ |           |  | week 5: event                  | =                     | week 6: event
weeks 1 to 6              | ++++++------ |           |  | week 5: event                  | week 4: event         | week 6: event
weeks 5 and 7             | ----+-+----- |           |  | week 11: censored              | =                     | week 12: censored
weeks 5 (missing) and 6   | ----o+------ |           |  | week 5: event                  | =                     | week 6: event
weeks 5 and 6, both mixed | ----mm------ |           |  | week 5: event                  | =                     | week 6: event
never came                | oooooooooooo |           |  | week 5: event                  | week 4: event         | week 6: event
last two                  | ----------++ |           |  | week 11: event                 | =                     | week 12: event
last one                  | -----------+ |           |  | week 11: censored, unconfirmed | =                     | week 12: censored, unconfirmed
death in the grace        | ++++++------ | death@10  |  | day 10: competing, death       | =                     | =
prison in the grace       | ------------ | prison@28 |  | week 11: censored              | day 28: event, prison | week 12: censored
prison on day 29          | ------------ | prison@29 |  | day 29: event, prison          | =                     | =
"""


def test_johnson_1992() -> None:
    rule = said("johnson_1992", "urine_screen", "schedule", competing=["death"], events=["prison"])
    agree(study_of("urine_screen", WEEKS, rule, "weeks"), JOHNSON_1992)


#: Two positive screens (5 days of use each) among four adjacent weeks (28 days), dated by the first of them.
LEE_2016 = """
who                 | looks        | events   | left | rule                           | dated confirming
never positive      | ------------ |          |      | week 12: censored              | =
two in a row        | ++---------- |          |      | week 1: event                  | week 2: event
weeks 1 and 4       | +--+-------- |          |      | week 1: event                  | week 4: event
weeks 1 and 5       | +---+------- |          |      | week 12: censored              | =
weeks 1, 5 and 8    | +---+--+---- |          |      | week 5: event                  | week 8: event
every fifth week    | +---+---+--- |          |      | week 12: censored              | =
one missing         | ---+-o------ |          |      | week 4: event                  | week 6: event
one mixed           | ---m--+----- |          |      | week 4: event                  | week 7: event
never came          | oooooooooooo |          |      | week 1: event                  | week 2: event
weeks 9 and 12      | --------+--+ |          |      | week 9: event                  | week 12: event
weeks 8 and 12      | -------+---+ |          |      | week 12: censored, unconfirmed | =
weeks 11 and 12     | ----------+o |          |      | week 11: event                 | week 12: event
the last            | -----------+ |          |      | week 12: censored, unconfirmed | =
death before 2 of 4 | +--+-------- | death@27 |      | day 27: competing, death       | =
death with 2 of 4   | +--+-------- | death@28 |      | week 1: event                  | week 4: event
"""


def test_lee_2016() -> None:
    agree(study_of("urine_screen", WEEKS, said("lee_2016", "urine_screen", "schedule", competing=["death"]), "weeks"), LEE_2016)


#: Three positive screens in a row, missing is positive, dated by the first.
SCHOTTENFELD_2008 = """
who | looks | events | left | rule | dated confirming, censored at last look
never positive     | ------------ |          |  | week 10: censored              | week 12: censored
first three        | +++--------- |          |  | week 1: event                  | week 3: event
two, two, two      | ++-++-++-++- |          |  | week 10: censored              | week 12: censored
four               | -++++------- |          |  | week 2: event                  | week 4: event
two, then three    | ++-+++------ |          |  | week 4: event                  | week 6: event
missing between    | ---+o+------ |          |  | week 4: event                  | week 6: event
missing around     | ---o+o------ |          |  | week 4: event                  | week 6: event
mixed              | mmm--------- |          |  | week 1: event                  | week 3: event
never came         | oooooooooooo |          |  | week 1: event                  | week 3: event
left after week 9  | ---------ooo |          |  | week 10: event                 | week 12: event
left after week 10 | ----------oo |          |  | week 10: censored, unconfirmed | week 12: censored, unconfirmed
the last           | -----------+ |          |  | week 10: censored, unconfirmed | week 12: censored, unconfirmed
last but one       | ---------++- |          |  | week 10: censored              | week 12: censored
death before       | +++--------- | death@20 |  | day 20: competing, death       | =
death with it      | +++--------- | death@21 |  | week 1: event                  | week 3: event
"""


def test_schottenfeld_2008() -> None:
    agree(study_of("urine_screen", WEEKS, said("schottenfeld_2008", "urine_screen", "schedule", competing=["death"]), "weeks"), SCHOTTENFELD_2008)


#: Four weeks in a row without any screen, dated by the first; a positive screen is a screen.
CTN_0094_DROPOUT = """
who                   | looks        | events   | left    | rule
every screen          | -+m-+m-+m-+m |          |         | week 9: censored
weeks 4 to 7 missing  | ---oooo----- |          |         | week 4: event
weeks 4 to 6 missing  | ---ooo------ |          |         | week 9: censored
three, three, four    | ooo+ooo-oooo |          |         | week 9: event
never came            | oooooooooooo |          |         | week 1: event
came once             | -ooooooooooo |          |         | week 2: event
came in week 5        | oooo+ooooooo |          |         | week 1: event
came in week 4        | ooo+oooooooo |          |         | week 5: event
last four missing     | ++++++++oooo |          |         | week 9: event
last three missing    | +++++++++ooo |          |         | week 9: censored, unconfirmed
last missing          | -----------o |          | lost@80 | week 9: censored, unconfirmed
last seen             | --------ooo+ |          |         | week 9: censored
always positive       | ++++++++++++ |          |         | week 9: censored
death before          | ---oooo----- | death@48 |         | day 48: competing, death
death with the fourth | ---oooo----- | death@49 |         | week 4: event
"""


def test_ctn_0094_dropout() -> None:
    agree(study_of("urine_screen", WEEKS, said("ctn_0094_dropout", "urine_screen", "schedule", competing=["death"]), "weeks"), CTN_0094_DROPOUT)


#: Time to the first positive screen, missing is positive.
MOKRI_2016 = """
who               | looks        | events   | left    | rule
never positive    | ------------ |          |         | week 12: censored
at once           | +----------- |          |         | week 1: event
in week 5         | ----+---++++ |          |         | week 5: event
mixed in week 5   | ----m------- |          |         | week 5: event
missing in week 5 | ----o------+ |          |         | week 5: event
missing first     | o---+------- |          |         | week 1: event
never came        | oooooooooooo |          |         | week 1: event
the last          | -----------+ |          |         | week 12: event
last missing      | -----------o |          |         | week 12: event
stayed away       | ---          |          | lost@22 | week 4: event
death before      | ----+------- | death@34 |         | day 34: competing, death
death on the day  | ----+------- | death@35 |         | week 5: event
death after       | ----+------- | death@36 |         | week 5: event
death later       | ------------ | death@60 |         | day 60: competing, death
death after 84    | ------------ | death@90 |         | week 12: censored
"""


def test_mokri_2016() -> None:
    agree(study_of("urine_screen", WEEKS, said("mokri_2016", "urine_screen", "schedule", competing=["death"]), "weeks"), MOKRI_2016)


#: Four or more days of use in the week before a weekly interview; those who drop out relapse a week after their last interview.
HALL_1990 = """
who                        | looks         | events    | left         | rule
never 4                    | 7:0 14:3 84:1 |           | completed@84 | day 84: censored
4 in week 3                | 7:0 14:3 21:4 |           | completed@84 | day 21: event
at once                    | 7:7           |           | completed@84 | day 7: event
before treatment           | 0:7 7:0       |           | completed@84 | day 7: censored
dropped out                | 7:0 14:3      |           | lost@16      | day 21: event, dropped out
dropped out, day of leave  | 7:0 14:3      |           | lost@60      | day 21: event, dropped out
never interviewed          |               |           | lost@20      | day 7: event, dropped out
relapsed, then dropped out | 7:0 14:4      |           | lost@14      | day 14: event
moved away                 | 7:0 14:3      |           | moved@16     | day 14: censored, moved
never interviewed, moved   |               |           | moved@16     | day 0: censored, no assessment
prison before              | 7:0 14:3      | prison@10 | lost@16      | day 10: event, prison
prison on the day          | 7:0 14:4      | prison@14 | completed@84 | day 14: event, prison
death before dropping out  | 7:0 14:3      | death@20  | lost@16      | day 20: competing, death
death on that day          | 7:0 14:3      | death@21  | lost@16      | day 21: competing, death
death after                | 7:0 14:3      | death@22  | lost@16      | day 21: event, dropped out
gap between interviews     | 7:0 35:2 42:5 |           | completed@84 | day 42: event
"""


def test_hall_1990() -> None:
    rule = said("hall_1990", "use_days_week", "last_look", events=["prison"], competing=["death"], dropouts=["lost"])
    agree(study_of("use_days_week", {}, rule), HALL_1990)


#: The first day with 5 drinks or more, or (other choice) 4.
COONEY_1991 = """
who                 | looks        | events  | left         | rule                           | cutoff heavy 4
dry                 | 1:0 2:0 30:0 |         | completed@90 | day 30: censored               | =
3 at most           | 1:3 2:3 30:1 |         | completed@90 | day 30: censored               | =
4 on day 2          | 1:0 2:4 3:0  |         | completed@90 | day 3: censored                | day 2: event
5 on day 2          | 1:0 2:5 3:0  |         | completed@90 | day 2: event                   | =
4, then 5           | 1:4 2:0 3:5  |         | completed@90 | day 3: event                   | day 1: event
twice               | 5:6 9:12     |         | completed@90 | day 5: event                   | =
on the first day    | 0:9 1:0      |         | completed@90 | day 1: censored                | =
after the end       | 1:0 91:9     |         | completed@90 | day 1: censored                | =
on the last day     | 1:0 90:9     |         | completed@90 | day 90: event                  | =
lost                | 1:0 8:0      |         | lost@12      | day 8: censored, lost          | =
detoxified before   | 1:0 8:9      | detox@7 | completed@90 | day 7: event, detox            | =
detoxified that day | 1:0 8:9      | detox@8 | completed@90 | day 8: event, detox            | =
death that day      | 1:0 8:9      | death@8 | dead@8       | day 8: event                   | =
death between       | 1:4 8:9      | death@6 | dead@6       | day 6: competing, death        | day 1: event
never recorded      |              |         | completed@90 | day 0: censored, no assessment | =
"""


def test_cooney_1991() -> None:
    agree(study_of("drinks", {}, said("cooney_1991", "drinks", "disposition", events=["detox"], competing=["death"])), COONEY_1991)


#: One person between two events of each kind, under every order of a day: 17 completes a pair with 10.
@pytest.mark.parametrize(
    ("order", "events", "expected"),
    [
        (["events", "looks", "competing"], "hospital@17 death@17", "day 17: event, hospital"),
        (["looks", "events", "competing"], "hospital@17 death@17", "day 17: event"),
        (["looks", "competing", "events"], "hospital@17 death@17", "day 17: event"),
        (["competing", "events", "looks"], "hospital@17 death@17", "day 17: competing, death"),
        (["competing", "looks", "events"], "hospital@17", "day 17: event"),
        (["competing", "looks", "events"], "death@17", "day 17: competing, death"),
        (["events", "competing", "looks"], "death@17", "day 17: competing, death"),
        (["events", "competing", "looks"], "hospital@18 death@18", "day 17: event"),
    ],
)
def test_orders_of_a_day(order: list[str], events: str, expected: str) -> None:
    entry = {**shipped_rules()["sustain_1"].rule, "chosen": {}, "same_day": order, "parameter": "madrs", "period": "main", "follow_up": "disposition"}
    study = study_of("madrs", {}, {"rule": {**entry, "gap": [5.0, 15.0], "grace": 0.0, "events": ["hospital"], "competing": ["death"]}})
    _, rows = read(f"who | looks | events | left\none | 10:25 17:25 | {events} | completed@60")
    assert verdicts(study, rows, "rule") == {"one": meant(expected)}


def test_every_published_rule_has_its_table() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(shipped_rules()) <= tested
