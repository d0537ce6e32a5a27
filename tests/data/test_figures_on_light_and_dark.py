"The figures of the data can be read on a white page and on a black one."

import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from movierec.data.datasets import load_sample
from movierec.data.plots import plot_data


def luminance(colour):
    parts = to_rgba(colour)[:3]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return plot_data(load_sample())


def test_backgrounds_are_those_of_the_page(figure):
    assert {to_rgba(o.get_facecolor())[3] for o in (figure, *figure.axes)} == {0}


def test_everything_drawn_stands_out_on_either(figure):
    texts = []
    for ax in figure.axes:
        texts += [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
        texts += [*ax.get_xticklabels(), *ax.get_yticklabels()]
    drawn = {text.get_color() for text in texts if text.get_text()}
    drawn |= {patch.get_facecolor() for ax in figure.axes for patch in ax.patches}
    assert drawn
    for page in ("white", "black"):
        assert all(contrast(colour, page) >= 3 for colour in drawn), drawn
