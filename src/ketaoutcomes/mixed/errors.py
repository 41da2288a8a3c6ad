"""What can go wrong in a mixed model, one class per thing a caller may want to catch.

A message says what was found, what was expected and how to mend it. It names columns, declared levels and counts,
never a participant and never a value of a cell.
"""


class MixedModelError(Exception):
    """Root of every refusal of the engine: no number is returned."""


class InvalidTerms(MixedModelError):
    """The terms cannot be coded: an unknown column, a missing margin, a text column that is not declared a factor."""


class InvalidValues(MixedModelError):
    """A column that enters the model holds missing, infinite or undeclared values."""


class UnusedLevel(MixedModelError):
    """A declared factor level has no row."""


class DuplicateVisit(MixedModelError):
    """A participant has more than one row at a visit."""


class RankDeficient(MixedModelError):
    """Some fixed effects are linear combinations of others.

    Attributes
    ----------
    aliased
        Labels of the columns that depend on the columns before them.
    """

    def __init__(self, message: str, aliased: tuple[str, ...]) -> None:
        super().__init__(message)
        self.aliased = aliased


class Separated(MixedModelError):
    """Some coefficients are infinite: a level of a factor, or a combination of terms, has only events or none.

    Attributes
    ----------
    infinite
        Labels of the coefficients along which the likelihood rises for ever.
    """

    def __init__(self, message: str, infinite: tuple[str, ...]) -> None:
        super().__init__(message)
        self.infinite = infinite


class TooFewParticipants(MixedModelError):
    """The data hold no information left for a variance once the fixed effects are estimated."""


class OneVisitPerParticipant(MixedModelError):
    """No participant has two rows, so within- and between-participant variance cannot be told apart."""


class VisitsNeverTogether(MixedModelError):
    """Two visits were never observed in the same participant, so their covariance is not identified.

    Attributes
    ----------
    pairs
        The pairs of visit labels.
    """

    def __init__(self, message: str, pairs: tuple[tuple[str, str], ...]) -> None:
        super().__init__(message)
        self.pairs = pairs


class DegenerateResponse(MixedModelError):
    """The fixed effects reproduce the response exactly, so there is no residual variance to estimate."""


class NearSingularCovariance(MixedModelError):
    """The covariance matrix of the visits is singular or so close to it that inference would be noise."""


class NotConverged(MixedModelError):
    """The optimiser could not prove that it reached the optimum."""


class InvalidContrast(MixedModelError):
    """A contrast or a grid of LS means does not fit the model."""


class IncompatibleMoments(MixedModelError):
    """Moments that do not share columns, levels, visits and scaling, or of people who are not in the whole."""


class NotShareable(MixedModelError):
    """Moments with a pattern of fewer participants than the least number allowed are participants' data."""


class NotRandomised(MixedModelError):
    """A shared baseline mean is only justified where the arms were randomised."""


class NotComparable(MixedModelError):
    """Two fits that a likelihood-ratio test cannot compare."""
