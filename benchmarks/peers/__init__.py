"""One module per library; each defines `ROWS`: row name -> function that prepares it.

A prepared row is a function `block(n)` that does the work `n` times. Models, data and batch sizes
of a row are the same for everybody (`benchmarks/rows.py`).
"""
