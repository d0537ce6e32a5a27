from movierec.models.threads import wait_quietly

wait_quietly()  # before any module here imports torch
