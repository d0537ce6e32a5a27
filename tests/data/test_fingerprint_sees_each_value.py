"One changed cell gives another fingerprint; the order of the rows does not."

from movierec.data.fingerprint import fingerprint
from movierec.testing.examples import six_people


def test_fingerprint_sees_each_value():
    movies, ratings = six_people()
    same = fingerprint(movies, ratings)
    assert fingerprint(movies[::-1], ratings[::-1]) == same
    other = ratings.rating.where(ratings.index > 0, 3.5)
    assert fingerprint(movies, ratings.assign(rating=other)) != same
    assert fingerprint(movies.assign(title=movies.title.str.upper()), ratings) != same
