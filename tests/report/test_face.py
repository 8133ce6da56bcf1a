from __future__ import annotations

from pellucid.report import terminal
from pellucid.report.face import shown_by


class Shown:
    """A face that notes what it is given."""

    def __init__(self):
        self.told = []

    def say(self, text):
        self.told.append(("say", text))

    def warn(self, text):
        self.told.append(("warn", text))

    def bar(self, title, total, done):
        self.told.append(("bar", title, total, done))
        return self

    def set(self, done, note=""):
        self.told.append(("set", done, note))


def test_messages_and_bars_go_to_the_face_and_afterwards_to_the_terminal(capsys):
    face = Shown()
    with shown_by(face):
        terminal.say("hello")
        terminal.warn("careful")
        with terminal.progress_bar("counting", 3, 1) as bar:
            bar.set(2, "two")
        with terminal.progress_over("ab", "letters") as letters:
            assert list(letters) == ["a", "b"]
    assert face.told == [
        ("say", "hello"),
        ("warn", "careful"),
        ("bar", "counting", 3, 1),
        ("set", 2, "two"),
        ("bar", "letters", 2, 0),
        ("set", 1, ""),
        ("set", 2, ""),
    ]
    assert capsys.readouterr().err == ""
    terminal.say("hello")
    assert "hello" in capsys.readouterr().err
