"""Labels in messages and tables."""

from edgecl.labels import join_labels


def test_a_message_names_some_labels_and_the_number_of_the_others() -> None:
    assert join_labels(["ring", "knock"]) == "ring, knock"
    assert join_labels([f"{number}" for number in range(1000)]).endswith("58, 59 and 940 more")
