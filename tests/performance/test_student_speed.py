from __future__ import annotations

from student_speed import measure


def test_networks_are_compared_with_the_proposal_and_with_the_first():
    rows = measure(["student", "U-Net"], side=32, seconds=0)
    assert [row["network"] for row in rows] == ["student", "U-Net"]
    assert rows[0]["step time ratio"] == 1
    assert all(row["denoising time ratio"] > 0 for row in rows)
