"""The filter language: what is asked of runs, as text and as a tree. Pure: no database, no wire."""
