import movierec.models  # noqa: F401, threads that wait sleep, before any module here imports torch
