"""Branches are listed behind the entry that they belong to, by number."""

import random

from paigeant.model.runs import place_order


def test_the_places_of_a_run_are_in_the_order_of_its_itinerary() -> None:
    places = [
        ("", 1),
        ("", 2),
        ("2.0", 1),
        ("2.0", 2),
        ("2.0/2.0", 1),
        ("2.0/2.1", 1),
        ("2.2", 1),
        ("2.10", 1),
        ("", 3),
    ]
    shuffled = random.Random(7).sample(places, len(places))

    assert sorted(shuffled, key=lambda place: place_order(*place)) == places
