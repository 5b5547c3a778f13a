"""The recipients file of `send`.

open_file.py opens the file. rows.py reads its lines. scan.py is the first pass, which checks the whole file.
"""
