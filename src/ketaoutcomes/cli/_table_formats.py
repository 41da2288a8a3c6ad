"""Which files a table is written as, besides the HTML that the report is made of."""

from __future__ import annotations

from importlib.util import find_spec
from typing import cast

from ketaoutcomes.domain.findings import KetaoutcomesError

#: All there are, and those of a config file that names none. RTF is asked for, so that what is installed does not decide what is released.
FORMATS = ("csv", "docx", "tex", "rtf")
DEFAULT = ("csv", "docx", "tex")


def require(said: object) -> tuple[str, ...]:
    """The formats of `table_formats`, each once and in our order; the default for None.

    Raises
    ------
    KetaoutcomesError
        Something else than a list of formats, or RTF where its library is not installed.
    """
    if said is None:
        return DEFAULT
    wanted = [str(name) for name in cast("list[object]", said)] if isinstance(said, list) else [str(said)]
    unknown = sorted(set(wanted) - set(FORMATS))
    if unknown or not isinstance(said, list):
        raise KetaoutcomesError(f"table_formats: a list of {', '.join(FORMATS)} is expected (HTML is always written); found {', '.join(unknown or wanted)}")
    if "rtf" in wanted and find_spec("rtflite") is None:
        raise KetaoutcomesError('table_formats: rtf needs a package that is not installed: pip install "ketaoutcomes[rtf]", or take rtf out of the list')
    return tuple(name for name in FORMATS if name in wanted)
