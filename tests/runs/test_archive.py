from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import InputError
from pellucid.runs.archive import MOST_MEMBERS, archive_bytes, open_archive


def made(path, *members, compress=zipfile.ZIP_STORED):
    """A zip with these members, each a name or ZipInfo with its content."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compress) as archive:
        warnings.simplefilter("ignore")  # that a name comes twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(path, said):
    with pytest.raises(InputError, match=said) as told, open_archive(path):
        pass
    assert len(str(told.value).splitlines()) == 1
    assert str(told.value).startswith(f"{path}: ")


def link(name):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


@given(st.dictionaries(st.text("abc/", min_size=1, max_size=9).map(lambda text: f"x{text}y"), st.binary(max_size=99)))
def test_members_come_back_and_their_order_makes_no_difference(tmp_path_factory, members):
    path = tmp_path_factory.mktemp("archive") / "a.zip"
    content = archive_bytes(members)
    assert content == archive_bytes(dict(reversed(members.items())))
    path.write_bytes(content)
    with open_archive(path) as archive:
        assert {name: archive.read(name, 99) for name in archive.names} == members


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../evil", "points out of the zip"),
        ("a/../../evil", "points out of the zip"),
        ("/etc/evil", "points out of the zip"),
        ("a\\..\\evil", "some systems cannot write"),
        ("C:evil", "some systems cannot write"),
        ("a\x1b[2Jb", r"'a\\x1b\[2Jb' has a name that some systems"),
        (link("weights"), "is a symbolic link"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name, said, tmp_path):
    refused(made(tmp_path / "a.zip", ("fine", b"1"), (name, b"x")), f"not a model to be trusted.*{said}")


def test_two_members_of_one_name_are_refused(tmp_path):
    refused(made(tmp_path / "a.zip", ("a", b"1"), ("a", b"2")), "two of its members have one name")
    refused(made(tmp_path / "b.zip", ("a", b"1"), ("A", b"2")), "two of its members have one name")


def test_too_many_members_are_refused(tmp_path):
    refused(made(tmp_path / "a.zip", *((f"{n}", b"") for n in range(MOST_MEMBERS + 1))), "it lists 101 members")
    refused(made(tmp_path / "b.zip", *((f"{n:0500}", b"") for n in range(200))), "list of members is too long")


def test_other_compressions_and_encryption_are_refused(tmp_path):
    refused(made(tmp_path / "a.zip", ("a", b"1"), compress=zipfile.ZIP_BZIP2), "compressed in a way that is not read")
    content = bytearray(made(tmp_path / "b.zip", ("a", b"1")).read_bytes())
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<H", content, entry + 8, 1)
    (tmp_path / "b.zip").write_bytes(content)
    refused(tmp_path / "b.zip", "'a' is encrypted")


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 99, b"PK\x05\x06", b"PK\x05\x06" + b"\1" * 18])
def test_what_is_no_zip_is_told(content, tmp_path):
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", "nor the zip of a model, or damaged|list of members is too long")


def test_a_member_is_never_read_beyond_its_limit(tmp_path):
    path = made(tmp_path / "bomb.zip", ("a", bytes(1 << 24)), compress=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 16
    with open_archive(path) as archive, pytest.raises(InputError, match="'a' is longer than the 1,000 bytes"):
        archive.read("a", 1000)


def test_a_size_that_is_a_lie_is_damage(tmp_path):
    path = made(tmp_path / "a.zip", ("a", b"0123456789"))
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, 3)
    path.write_bytes(content)
    with open_archive(path) as archive, pytest.raises(InputError, match="damaged"):
        archive.read("a", 100)


def test_damaged_content_is_told(tmp_path):
    path = made(tmp_path / "a.zip", ("a", b"0123456789"))
    path.write_bytes(path.read_bytes().replace(b"45", b"54"))
    with open_archive(path) as archive, pytest.raises(InputError, match=r"a\.zip: .*damaged \('a'"):
        archive.read("a", 100)


def test_folders_in_a_zip_are_no_members(tmp_path):
    with open_archive(made(tmp_path / "a.zip", ("weights/", b""), ("weights/a", b"1"))) as archive:
        assert archive.names == ["weights/a"]


def test_what_is_written_can_be_read_by_anyone():
    with zipfile.ZipFile(io.BytesIO(archive_bytes({"b": b"2", "a": b"1"}))) as archive:
        assert [(info.filename, info.date_time[0]) for info in archive.infolist()] == [("a", 1980), ("b", 1980)]
