"""The roll call of a request.

summary.py has its values. ledger_summary.py reads them from the ledger. report.py is the command.
file_lines.py finds recipients in their file. print_summary.py, json_writer.py and csv_writer.py write the output.
"""
