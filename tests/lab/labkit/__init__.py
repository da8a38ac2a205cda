"""The lab's parts; `tests/lab/lab.py` puts them in order."""
