__version__ = "0.1.0"
from movierec import front_door

__doc__, __all__, __getattr__, __dir__ = front_door.lazy_names(
    __name__, "Recommend movies that people have not watched yet.", names=front_door.NAMES)
