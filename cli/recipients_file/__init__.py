"""The recipients file of `send`.

read_options.py reads the options. open_file.py opens the file, and file_kind.py recognises files that are not text.
encoding.py and guess_encoding.py find its encoding, and layout.py the rest of its form. rows.py reads the recipients.
csv_columns.py has the columns of CSV, and json_values.py the values of JSON. scan.py is the first pass over the whole
file.
"""
