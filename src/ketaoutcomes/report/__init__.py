"""The page made from displays."""

from ketaoutcomes.report.headline import Headline, headline
from ketaoutcomes.report.page import Made, page

__all__ = ["Headline", "Made", "headline", "page"]
