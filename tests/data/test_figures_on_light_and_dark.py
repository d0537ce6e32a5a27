"The figures of the data can be read on a white page and on a black one."
from itertools import chain

import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from movierec.data.plots import plot_data
from movierec.data.datasets import load_sample


def luminance(colour): return sum(w * (o / 12.92 if o <= 0.04045 else ((o + 0.055) / 1.055) ** 2.4) for w, o in zip((0.2126, 0.7152, 0.0722), to_rgba(colour)))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def figure() -> Figure: return plot_data(load_sample())


def test_backgrounds_are_those_of_the_page(figure):
    assert {to_rgba(o.get_facecolor())[3] for o in (figure, *figure.axes)} == {0}


def test_everything_drawn_stands_out_on_either(figure):
    texts = chain(*([o.title, o._left_title, o.xaxis.label, o.yaxis.label, *o.get_xticklabels(), *o.get_yticklabels()] for o in figure.axes))
    drawn = {text.get_color() for text in texts if text.get_text()} | {patch.get_facecolor() for o in figure.axes for patch in o.patches}
    assert drawn and all(contrast(colour, page) >= 3 for colour in drawn for page in ("white", "black")), drawn
