"""Cases: where their images come from, and what is made of them."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.benchmark.dataset_files import prepare
from pellucid.benchmark.datasets import PhantomSize, find_dataset, find_datasets
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.evaluation import psnr
from pellucid.io.writing import write_array
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIZE = PhantomSize(4, 64)


def read(files, kind):
    return [plane.read() for plane in open_source(files.paths(kind)).planes]


def own(folder, kind, count=4, dtype=np.uint8, side=48, prefix="a"):
    for number in range(count):
        write_array(folder / kind / f"{prefix}{number}.tif", tissue((side, side), number).astype(dtype))


@pytest.mark.parametrize("noise", ["film", "charge"])
def test_the_phantom_has_clean_images_two_noisy_copies_and_noise_alone(noise, tmp_path):
    files = prepare(find_dataset(f"phantom-{noise}", None, 15.0, SIZE), tmp_path)
    clean, noisy, copy, alone = (read(files, kind) for kind in ("clean", "noisy", "copy", "noise"))
    assert files.truth
    assert {image.shape for image in (*clean, *noisy, *copy, *alone)} == {(64, 64)}
    assert np.mean([psnr(n, c, 255) for n, c in zip(noisy, clean, strict=True)]) == pytest.approx(15.0, abs=2.0)
    assert np.mean([psnr(n, c, 255) for n, c in zip(copy, clean, strict=True)]) == pytest.approx(15.0, abs=2.0)
    everything = [image.tobytes() for image in (*noisy, *copy)]
    assert len(set(everything)) == 8
    assert alone[0].dtype == np.float32


def test_noise_alone_times_clean_is_noisy(tmp_path):
    """noisy = clean · noise / 255: the same moments as the noisy images' own factor, for all images together."""
    files = prepare(find_dataset("phantom-film", None, 22.0, PhantomSize(6, 128)), tmp_path)
    clean, noisy, alone = (np.stack(read(files, kind)).astype(float) for kind in ("clean", "noisy", "noise"))
    kept = (noisy > 0) & (noisy < 255) & (clean > 60)
    factor = (noisy / np.maximum(clean, 1))[kept]
    assert alone.mean() / 255 == pytest.approx(factor.mean(), abs=0.05)
    assert alone.std() / 255 == pytest.approx(factor.std(), rel=0.25)


def test_files_are_made_once_and_never_of_something_else(tmp_path):
    dataset = find_dataset("phantom-film", None, None, SIZE)
    first = prepare(dataset, tmp_path)
    made = (tmp_path / "datasets/phantom-film/noisy/tissue_00.tif").stat().st_mtime_ns
    assert prepare(dataset, tmp_path) == first
    assert (tmp_path / "datasets/phantom-film/noisy/tissue_00.tif").stat().st_mtime_ns == made
    assert prepare(dataset, tmp_path / "other").fingerprint == first.fingerprint
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["phantom-film"]
    for other in (PhantomSize(5, 64), PhantomSize(4, 48)):
        with pytest.raises(
            InputError, match=r"was made from other sources or settings \(phantom\): choose another --out"
        ):
            prepare(find_dataset("phantom-film", None, None, other), tmp_path)
    mild = prepare(find_dataset("phantom-film", None, 32.0, SIZE), tmp_path)
    assert mild.folder == tmp_path / "datasets/phantom-film-32dB"
    assert mild.fingerprint != first.fingerprint


def test_own_clean_images_get_simulated_noise(tmp_path):
    own(tmp_path / "mine" / "cells", "clean")
    own(tmp_path / "mine" / "cells", "noise", count=1)  # only for cells-captured
    files = prepare(find_dataset("cells-charge", tmp_path / "mine"), tmp_path)
    assert files.names["noisy"] == ("a0", "a1", "a2", "a3")
    assert set(files.names) == {"clean", "noisy", "copy", "noise"}
    np.testing.assert_array_equal(read(files, "clean")[2], tissue((48, 48), 2))


def test_own_captured_noise_is_put_on_by_multiplication(tmp_path):
    own(tmp_path / "mine" / "cells", "clean")
    own(tmp_path / "mine" / "cells", "noise", count=2)
    files = prepare(find_dataset("cells-captured", tmp_path / "mine"), tmp_path)
    clean, noisy, noise = (read(files, kind) for kind in ("clean", "noisy", "noise"))
    assert files.noise_of == (0, 0, 1, 1)
    assert "copy" not in files.names
    for image, result, which in zip(clean, noisy, files.noise_of, strict=True):
        flips = [noise[which][::y, ::x].astype(float) for y in (1, -1) for x in (1, -1)]
        assert any(np.abs(image * flip / 255 - result).max() <= 0.51 for flip in flips)


def test_captured_noise_is_strengthened_for_a_psnr(tmp_path):
    own(tmp_path / "mine" / "cells", "clean", side=96)
    for number in range(2):  # weak, bright and smaller than the clean images
        grain = 190 + np.random.default_rng(number).normal(0, 3, (90, 80))
        write_array(tmp_path / "mine/cells/noise" / f"{number}.tif", np.rint(grain).astype(np.uint8))
    files = prepare(find_dataset("cells-captured", tmp_path / "mine", 20.0), tmp_path)
    clean, noisy, noise = (read(files, kind) for kind in ("clean", "noisy", "noise"))
    assert files.folder.name == "cells-captured-20dB"
    assert np.mean([psnr(n, c, 255) for n, c in zip(noisy, clean, strict=True)]) == pytest.approx(20.0, abs=0.3)
    assert np.mean(np.stack(noisy).astype(float) - np.stack(clean)) == pytest.approx(0, abs=2.0)
    assert noise[0].mean() == pytest.approx(255, rel=0.01)  # the factor of a grey field
    assert noise[0].shape == (90, 80)


def test_own_noisy_versions_have_a_truth_and_real_ones_have_none(tmp_path):
    mine = tmp_path / "mine"
    own(mine / "a", "clean")
    own(mine / "a", "simulated")
    own(mine / "b", "clean")
    own(mine / "b", "noisy", count=3, prefix="real")
    paired, real = (prepare(find_dataset(name, mine), tmp_path) for name in ("a", "b"))
    assert paired.truth
    assert not real.truth
    assert real.names["noisy"] == ("real0", "real1", "real2")
    assert real.count == 3


def noisy_versions(folder, kind, count=4, side=48, first=0):
    for number in range(count):
        noisy = simulate(tissue((side, side), number + first), "film", seed=number)
        write_array(folder / kind / f"a{number}.tif", noisy)


def test_a_folder_with_clean_and_noisy_is_a_data_set_itself(tmp_path, capsys):
    own(tmp_path / "cells", "clean")
    noisy_versions(tmp_path / "cells", "noisy")
    (dataset,) = find_datasets(None, tmp_path / "cells")
    assert (dataset.name, dataset.real) == ("cells", False)
    assert "dataset cells: " in capsys.readouterr().err
    files = prepare(dataset, tmp_path / "out")
    assert files.truth
    np.testing.assert_array_equal(read(files, "clean")[3], tissue((48, 48), 3))
    assert find_datasets(["cells"], tmp_path / "cells") == [dataset]


def test_the_same_names_are_no_pairs_if_other_things_are_shown(tmp_path, capsys):
    own(tmp_path / "cells", "clean")
    noisy_versions(tmp_path / "cells", "noisy", first=50)
    (dataset,) = find_datasets(None, tmp_path / "cells")
    assert dataset.real
    assert "shows another place than clean/: the truth is not known" in capsys.readouterr().err
    assert not prepare(dataset, tmp_path / "out").truth


def test_a_folder_of_clean_images_alone_gets_noise_and_one_of_data_sets_gives_all(tmp_path):
    own(tmp_path / "mine", "clean")
    own(tmp_path / "mine/set10", "clean")
    own(tmp_path / "mine/set2", "clean")
    own(tmp_path / "mine/set2", "simulated")
    datasets = find_datasets(None, tmp_path / "mine")
    assert [(dataset.name, dataset.simulator) for dataset in datasets] == [
        ("mine-film", "film"),
        ("set2", None),
        ("set10-film", "film"),
    ]
    assert [dataset.name for dataset in find_datasets(["set10-charge", "phantom-film"], tmp_path / "mine")] == [
        "set10-charge",
        "phantom-film",
    ]


def test_without_a_folder_it_is_the_phantom():
    assert [dataset.name for dataset in find_datasets(None, None)] == ["phantom-film"]


def test_a_folder_that_cannot_be_used_is_never_left_aside_in_silence(tmp_path):
    (tmp_path / "noisy").mkdir()
    for folder, state in ((tmp_path, "has no dataset in it"), (tmp_path / "nowhere", "is not a folder")):
        with pytest.raises(InputError, match=f"{state}. Give FOLDER/clean and FOLDER/noisy") as told:
            find_datasets(None, folder)
        assert "\n" not in str(told.value)
    own(tmp_path / "cells", "clean")
    with pytest.raises(InputError, match=r"none of --datasets phantom-film is in it; it has cells-film"):
        find_datasets(["phantom-film"], tmp_path / "cells")
    with pytest.raises(InputError, match="unknown dataset 'cell-film': did you mean 'cells-film'"):
        find_datasets(["cell-film"], tmp_path / "cells")


def test_the_published_layout(tmp_path):
    data = tmp_path / "data"
    for folder in ("tem", "sem", "simulated_image/tem_charge_noise", "simulated_image/tem_film_noise"):
        own(data, folder)
    for name, real in (("tem-charge", False), ("tem-film", False), ("sem", True)):
        dataset = find_dataset(name, data)
        assert (dataset.clean, dataset.real) == (data / "tem", real)
        assert prepare(dataset, tmp_path / "out").truth is not real
    with pytest.raises(
        InputError, match=r"dataset tem-ppc needs clean images in tem_dr5/ or tem/, noisy ones in tem_ppc/"
    ):
        find_dataset("tem-ppc", data)


def test_other_types_become_eight_bit_with_one_map_for_clean_and_noisy(tmp_path, capsys):
    for kind, shift in (("clean", 0), ("simulated", 500)):
        for number in range(4):
            image = tissue((48, 48), number).astype(np.uint16) * 100 + shift
            write_array(tmp_path / "mine/a" / kind / f"{number}.tif", image.astype(np.uint16))
    files = prepare(find_dataset("a", tmp_path / "mine"), tmp_path)
    clean, noisy = (np.stack(read(files, kind)).astype(int) for kind in ("clean", "noisy"))
    assert clean.dtype == noisy.dtype
    assert "The protocol uses 8 bits" in capsys.readouterr().err.replace("\n", " ")
    inside = (clean > 0) & (noisy < 255)
    assert np.ptp((noisy - clean)[inside]) <= 1
    assert (noisy - clean)[inside].mean() > 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "phantom-flim",
            "unknown dataset 'phantom-flim': did you mean 'phantom-film'? .for your own images, give --data.",
        ),
        ("phantom-captured", "unknown dataset 'phantom-captured'"),
        ("mitochondria-film", "unknown dataset 'mitochondria-film'"),
    ],
)
def test_an_unknown_case_is_refused(name, expected):
    with pytest.raises(InputError, match=expected.replace("?", r"\?")):
        find_dataset(name, None)


def test_bad_folders_are_refused(tmp_path):
    mine = tmp_path / "mine"
    own(mine / "bare", "clean")
    with pytest.raises(InputError, match="has no noisy images, neither simulated/ nor noisy/: add them, or name"):
        find_dataset("bare", mine)
    with pytest.raises(InputError, match="unknown dataset 'bar-film': did you mean 'bare-film'"):
        find_dataset("bar-film", mine)
    with pytest.raises(InputError, match="needs images of noise alone in noise/"):
        find_dataset("bare-captured", mine)
    own(mine / "both", "clean")
    own(mine / "both", "simulated")
    own(mine / "both", "noisy")
    with pytest.raises(InputError, match=r"has simulated/ .* and noisy/"):
        find_dataset("both", mine)
    own(mine / "sizes", "clean")
    own(mine / "sizes", "simulated", side=40)
    with pytest.raises(
        InputError, match=r"a0.tif: is not a noisy version of .*a0.tif: their sizes are 48×48 and 40×40"
    ):
        prepare(find_dataset("sizes", mine), tmp_path)
    own(mine / "count", "clean")
    own(mine / "count", "simulated", count=3)
    with pytest.raises(InputError, match="4 clean images but 3 noisy images"):
        prepare(find_dataset("count", mine), tmp_path)
    assert not list((tmp_path / "datasets").iterdir())  # nothing half-made is left


def test_a_folder_that_no_benchmark_made_is_left_alone(tmp_path):
    own(tmp_path / "datasets" / "cells", "clean")
    own(tmp_path / "datasets" / "cells", "noisy")
    before = sorted((tmp_path / "datasets").rglob("*"))
    with pytest.raises(InputError, match="cells: was not made by a benchmark and is not changed"):
        prepare(find_dataset("cells", tmp_path / "datasets"), tmp_path)
    assert sorted((tmp_path / "datasets").rglob("*")) == before


def test_captured_noise_smaller_than_the_images_is_refused(tmp_path):
    own(tmp_path / "mine/small", "clean")
    own(tmp_path / "mine/small", "noise", side=32)
    with pytest.raises(InputError, match="noise image of 32×32 px is smaller than the clean image of 48×48 px"):
        prepare(find_dataset("small-captured", tmp_path / "mine"), tmp_path)
