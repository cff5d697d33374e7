"""The picture that goes to the registry beside a model."""

from tests.learning.test_comparison import draws, said
from workers.calibration_plot import calibration_plot


def test_a_picture_is_made_of_many_forecasts_and_of_few():
    for n in (1, 400):
        png = calibration_plot(said("champion", *draws(n)), "A model")
        assert png.startswith(b"\x89PNG") and len(png) > 5000
