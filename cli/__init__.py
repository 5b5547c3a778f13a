"""The command line `rollcall`.

main.py is the group of commands. commands/ has one file per command, with its options only.
send/ sends a file. tracking/ follows a request. report/ writes its roll call. resend.py sends deliveries again.
control_request.py cancels, pauses and resumes. print_logs.py searches deliveries.
dead_letters/ lists, shows and replays rejected records. templates/ manages message templates.
admin/ sets up and checks an installation. clients/ connects to Kafka, MongoDB and the HTTP service.
recipients_file/ reads CSV and JSON lines. simulator/ stands in for a gateway and a mail server.
console.py and errors.py define the output and the exit codes.
"""
