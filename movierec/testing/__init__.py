from movierec import front_door

__doc__, __all__, __getattr__, __dir__ = front_door.lazy_names(
    __name__, "Worked examples, and checks for a model or store of your own.", names=front_door.TESTING_NAMES)
