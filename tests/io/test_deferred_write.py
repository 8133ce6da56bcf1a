from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import RunError
from pellucid.io.deferred_write import create_deferred, reopen_deferred
from pellucid.io.layout import Layout
from pellucid.io.output_spec import OutputSpec

PIXELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


@pytest.fixture
def begun(tmp_path):
    """The arguments of a staged file, and what was encoded so far."""
    encoded = []

    def encode(planes, path):
        encoded.append(np.array(planes))
        path.write_bytes(planes.tobytes())

    path = tmp_path / "a.xyz"
    return (path, OutputSpec(str(path), "ZYX", PIXELS.shape, PIXELS.dtype), Layout("ZYX"), encode), encoded


def test_pixels_are_encoded_when_all_are_there(begun):
    arguments, encoded = begun
    writer = create_deferred(*arguments)
    writer.array[...] = PIXELS
    assert not arguments[0].exists()
    writer.finish()
    np.testing.assert_array_equal(encoded, [PIXELS])
    assert [file.name for file in arguments[0].parent.iterdir()] == ["a.xyz"]
    assert not writer.parallel
    assert writer.unit == (1, 1, 1)


def test_another_process_goes_on_where_one_stopped(begun):
    arguments, encoded = begun
    create_deferred(*arguments).array[0] = PIXELS[0]
    writer = reopen_deferred(*arguments)
    writer.array[1] = PIXELS[1]
    writer.release()
    writer.finish()
    np.testing.assert_array_equal(encoded, [PIXELS])


def test_a_new_file_begins_with_nothing(begun):
    arguments, _ = begun
    create_deferred(*arguments).array[...] = PIXELS
    assert not create_deferred(*arguments).array.any()


def test_the_end_can_be_repeated_wherever_it_was_stopped(begun, monkeypatch):
    (path, spec, layout, encode), _ = begun
    create_deferred(path, spec, layout, encode).array[...] = PIXELS

    def stopped(planes, file):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reopen_deferred(path, spec, layout, stopped).finish()
    assert not path.exists()

    writer = reopen_deferred(path, spec, layout, encode)
    with monkeypatch.context() as patch:
        patch.setattr(type(path), "unlink", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            writer.finish()
    assert path.read_bytes() == PIXELS.tobytes()

    for _ in range(2):
        reopen_deferred(path, spec, layout, encode).finish()
        assert path.read_bytes() == PIXELS.tobytes()
        assert [file.name for file in path.parent.iterdir()] == ["a.xyz"]


def test_nothing_to_resume_is_said(begun):
    (path, spec, layout, encode), _ = begun
    with pytest.raises(RunError, match=r"a\.xyz: the unfinished file is missing or of another size; start over"):
        reopen_deferred(path, spec, layout, encode)
    create_deferred(path, spec, layout, encode)
    larger = OutputSpec(spec.path, "ZYX", (3, 3, 4), spec.dtype)
    with pytest.raises(RunError, match="another size"):
        reopen_deferred(path, larger, layout, encode)
