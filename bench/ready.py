"""Line that a program prints when it may be measured. This module imports nothing, as no program needs the bench."""

READY = "ready for requests"
