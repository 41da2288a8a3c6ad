"""The page and the documents made from displays."""

from ketaoutcomes.report.checklist import checklist
from ketaoutcomes.report.headline import Headline, headline
from ketaoutcomes.report.index import Entry, entry, index
from ketaoutcomes.report.page import Made, page
from ketaoutcomes.report.sentences import sentences
from ketaoutcomes.report.word import word

__all__ = ["Entry", "Headline", "Made", "checklist", "entry", "headline", "index", "page", "sentences", "word"]
