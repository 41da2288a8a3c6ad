"""Labels that look alike and are not the same text."""

from __future__ import annotations

import unicodedata

import pandas as pd

#: Letters of other alphabets that print like Latin ones (Unicode Technical Standard 39, confusables).
_TWINS = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеоѕіјрсухԁɡ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοι" + "‐‑‒–—−’‘`´",
    "ABESIJKMHOPCTYXaeosijpcyxdg" + "ABEZHIKMNOPTYXoi" + "------''''",
)


def skeleton(text: str, *, fold: bool = True) -> str:
    """What remains of a text when differences that are hard to see are taken away.

    Parameters
    ----------
    text
        A label, a header or an id.
    fold
        Also take capitals for small letters.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_TWINS)
    seen = "".join(char for char in plain if unicodedata.category(char) not in {"Cf", "Cc"})
    words = " ".join(seen.split())
    return words.casefold() if fold else words


def respelt(labels: pd.Series) -> pd.Series:
    """Rows whose label stands in the column in another spelling already."""
    texts = labels.dropna().unique()
    first: dict[str, str] = {}
    other = {text for text in texts if first.setdefault(skeleton(text), text) != text}
    return labels.isin(other)
