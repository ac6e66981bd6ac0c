"""Scores that were made elsewhere: one format a file, behind one interface.

:mod:`~decima_core.scores.opening` tells what a file is and opens it; :mod:`~decima_core.scores.reader` says what every
reader does. Readers hold one window at a time.
"""
