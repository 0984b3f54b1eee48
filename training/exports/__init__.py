"""Export readers, one per format: an export file in, a stream of Records out.

`detect.py` picks the reader by a file's content. To add one, write a module with `claims`, `read` and a `READER`, and put
it into READERS there; docs/contributing.md has the steps and the tests that will run.
"""
