"""Steps of the protocol, with the names of the code."""

STEPS = (
    "idle",
    # consumer/expand/expand.py
    "begin",
    "look up duplicates",
    "insert",
    "read the marks",
    "hold",
    "wake",
    "count",
    "mark",
    "call for the last one",
    "refuse",
    "commit",
    # consumer/request_lifecycle.py, consumer/sweep/unfinished_requests.py
    "ask for the parts",
    "ask for open chunks",
    "add up",
    "complete",
    "announce",
    "note the announcement",
    "sweep the marks",
    # consumer/deliver/chunk_worker.py
    "ask for marks",
    "mark the chunk",
    "obey",
    "look back",
    "reserve",
    "intend again",
    "send",
    "log",
    "advance",
    "leave",
)
(IDLE, BEGIN, LOOK_UP, INSERT, MARKS, HOLD, WAKE, COUNT, MARK, CALL_LAST, REFUSE, COMMIT) = range(12)
(ASK_PARTS, ASK_OPEN, ADD_UP, COMPLETE, ANNOUNCE, ANNOUNCED, SWEEP_MARKS) = range(12, 19)
(ASK_MARKS, MARK_CHUNK, OBEY, RECOVER_WINDOW, RESERVE, INTEND, SEND, LOG, ADVANCE, LEAVE) = range(19, 29)

EXPANDING = range(BEGIN, ASK_PARTS)
FINISHING = range(ASK_PARTS, SWEEP_MARKS)
WORKING = range(ASK_MARKS, LEAVE + 1)
