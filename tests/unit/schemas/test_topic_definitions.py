from schemas.topic_definitions import Topics


def test_the_groups_are_those_of_the_contract() -> None:
    topics = Topics()
    assert topics.group_of(topics.requests) == "rollcall.expand"
    assert topics.group_of(topics.requests_express) == "rollcall.expand.express"
    assert topics.group_of(topics.chunks) == "rollcall.deliver"
    assert topics.group_of(topics.chunks_express) == "rollcall.deliver.express"
    assert topics.group_of(topics.receipts) == "rollcall.receipts"


def test_two_installations_on_one_kafka_share_no_group() -> None:
    assert Topics("mine").group_of("mine.chunks") != Topics("yours").group_of("yours.chunks")
