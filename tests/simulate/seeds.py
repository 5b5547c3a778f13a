"""Seeds that found a bug, each with a description. `make test` runs all of them."""

REGRESSIONS: dict[int, str] = {
    888999247: "of the simulated world itself: rolling restarts overlapped, and the processes doubled without end",
    243700544: "the same",
    40118: "of the simulated world itself: a rescuer resumed before a dead caller's pause arrived",
    42136: "of the simulated world itself: a request was deleted while its record was still in hand",
    204391: "who lacked a sealing key logged as failed what the next owner, who had it, sent",
    206527: "of the simulated world itself: a stop met a call whose time was just over, and was never ended",
    209150: "of the simulated world itself: it ended while a dead process's write was on its way",
    1277: "of the simulated world itself: a call that failed on its way counted as an attempt and not as an offer",
    941722199: "the text of a repeat with another body was sent, because it was cached before its request was refused",
    12702697: "a small request was never said to be accepted: its owner advanced before the acknowledgement and died",
    400758017: "of the simulated world itself: events beside the try of a reply topic go to the default topic",
    1830: "of the simulated world itself: the second record of a resend was accepted, and the first one expected",
    20904: "of the simulated world itself: offsets were reset under a member, which does not commit a position twice",
    1082: "a window with a budget lost its reservation when its provider was pinned again, and went round for ever",
    41322: "a commit under way over a rebalance went on as the member of the generation before, and the lag stayed",
}
