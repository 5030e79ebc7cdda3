"""The one lock of the local AWS: moto is not made for threads."""

import threading

#: Held while moto's objects are read or changed.
lock = threading.Lock()
