"""A demo catalog of a supplier that does not exist: twelve shelves in five languages, items in English and Spanish,
price lists `atlas` (EUR, with quantity breaks) and `boreal` (USD, a smaller assortment)."""

from importlib.resources import files


def demo_files() -> dict[str, bytes]:
    """By file name, as `catalog.load.import_files` takes them."""
    folder = files(__name__)
    return {name: folder.joinpath(name).read_bytes() for name in ("categories.csv", "items.csv", "prices.csv")}
