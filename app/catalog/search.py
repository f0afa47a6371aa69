"""Finding items by what people type: exact codes first, then all words as prefixes, then any of the words.

Both databases answer the same question through the table `search_cd_item_texts`, which they keep up by triggers: FTS5
with bm25 on SQLite, a tsvector with ts_rank on PostgreSQL. Words are folded by `catalog/words.py` before they come
here, so none can carry an operator of either query language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import CTE, Float, Integer, TextClause, exists, func, literal, text
from sqlmodel import Session, col, select

from app.catalog.items import Audience, Offer, described, on_list
from app.catalog.prices import price_list
from app.catalog.words import code, words
from app.storage.catalog import ItemCodeRow, ItemRow, ItemTextRow, PriceListRow

MOST_WORDS: Final = 12
"""Words beyond are ignored: nobody types them, and each costs an index scan."""
SHORTEST_ALONE: Final = 3
"""Letters of a word that may stand for the whole query when no item has all words."""


@dataclass(frozen=True, slots=True)
class Found:
    """
    total       hits in the category asked for, of which `offers` are one page.
    categories  hits by category code, whatever category was asked for.
    loosened    no item has all the words; these have some.
    """

    offers: tuple[Offer, ...]
    total: int
    categories: Mapping[str, int]
    loosened: bool = False


NOTHING: Final = Found((), 0, {})


def search(
    session: Session,
    audience: Audience,
    query: str,
    *,
    at: datetime,
    category: str | None = None,
    offset: int = 0,
    limit: int = 20,
) -> Found:
    """An empty query browses, by category and SKU. Only what the audience may see is found or counted."""
    prices_of = price_list(session, audience.realm, audience.price_list)
    if prices_of is None:
        return NOTHING
    page = _Page(session, audience, prices_of, at, category, offset, limit)
    typed = words(query)[:MOST_WORDS]
    if not query.strip():
        return page.browse()
    if not typed:
        return NOTHING
    exact = page.by_code(code(query))
    if exact.total:
        return exact
    strict = page.by_words(typed, every=True)
    telling = [word for word in typed if len(word) >= SHORTEST_ALONE]
    if strict.categories or not telling or len(typed) == 1:
        return strict
    return page.by_words(telling, every=False)


@dataclass(frozen=True, slots=True)
class _Page:
    session: Session
    audience: Audience
    prices_of: PriceListRow
    at: datetime
    category: str | None
    offset: int
    limit: int

    def browse(self) -> Found:
        every = select(col(ItemRow.id).label("item_id"), literal(0.0).label("rank")).cte("hits")
        return self._of(every)

    def by_code(self, typed: str) -> Found:
        hits = (
            select(col(ItemCodeRow.item_id).label("item_id"), literal(0.0).label("rank"))
            .where(ItemCodeRow.realm == self.audience.realm, ItemCodeRow.code == typed)
            .distinct()
            .cte("hits")
        )
        return self._of(hits)

    def by_words(self, typed: Sequence[str], *, every: bool) -> Found:
        match = _MATCHERS[self.session.get_bind().dialect.name]
        query = (match.both if every else match.either).join(match.prefix.format(word) for word in typed)
        ranked = (
            match.statement.bindparams(words=query)
            .columns(text_id=Integer, rank=Float)
            .cte("ranked")
            .prefix_with("MATERIALIZED")
        )
        hits = (
            select(col(ItemTextRow.item_id).label("item_id"), func.min(ranked.c.rank).label("rank"))
            .join(ranked, ranked.c.text_id == ItemTextRow.id)
            .where(col(ItemTextRow.language).in_(self.audience.languages))
            .group_by(col(ItemTextRow.item_id))
            .cte("hits")
        )
        return self._of(hits, loosened=not every)

    def _of(self, hits: CTE, *, loosened: bool = False) -> Found:
        visible = (
            select(col(ItemRow.id), col(ItemRow.category), hits.c.rank)
            .join(hits, hits.c.item_id == ItemRow.id)
            .where(
                ItemRow.realm == self.audience.realm,
                col(ItemRow.active),
                on_list(self.prices_of.id, self.at),
                exists().where(
                    col(ItemTextRow.item_id) == ItemRow.id, col(ItemTextRow.language).in_(self.audience.languages)
                ),
            )
        )
        counted = visible.with_only_columns(col(ItemRow.category), func.count()).group_by(col(ItemRow.category))
        categories: dict[str, int] = {row[0]: row[1] for row in self.session.execute(counted)}
        wanted = visible.with_only_columns(ItemRow).order_by(hits.c.rank, col(ItemRow.category), col(ItemRow.sku))
        if self.category is not None:
            wanted = wanted.where(col(ItemRow.category) == self.category)
        items = self.session.scalars(wanted.offset(self.offset).limit(self.limit)).all()
        total = sum(categories.values()) if self.category is None else categories.get(self.category, 0)
        return Found(
            tuple(described(self.session, self.audience, self.prices_of, items, self.at)), total, categories, loosened
        )


@dataclass(frozen=True, slots=True)
class _Matcher:
    """How a database is asked: the statement gives `text_id` and a `rank` that is lower for the better."""

    statement: TextClause
    prefix: str
    both: str
    either: str


_MATCHERS: Final = {
    "sqlite": _Matcher(
        text(
            "SELECT rowid AS text_id, bm25(search_cd_item_texts, 10.0, 1.0) AS rank "
            "FROM search_cd_item_texts WHERE search_cd_item_texts MATCH :words"
        ),
        prefix='"{}"*',
        both=" AND ",
        either=" OR ",
    ),
    "postgresql": _Matcher(
        text(
            "SELECT found.text_id, -ts_rank(found.words, query) AS rank "
            "FROM search_cd_item_texts AS found, to_tsquery('simple', :words) AS query WHERE found.words @@ query"
        ),
        prefix="{}:*",
        both=" & ",
        either=" | ",
    ),
}
