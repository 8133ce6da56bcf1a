from __future__ import annotations

import shutil
import zipfile

import pytest

import pellucid
from pellucid.assessment.after_training import PAGE, SEEN, assess_run
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.runs import trainer
from pellucid.runs.folder import Run

from .made import specimens, white

pytestmark = pytest.mark.usefixtures("hasty", "undrawn")


SETTINGS = {"width": 4, "depth": 1, "patch": 32, "batch": 2, "steps": 1, "save_every": 9, "preview_every": 9}


@pytest.fixture
def student(tmp_path):
    """A run on eight pairs, of which a judge would hold out one."""
    truth = specimens(8, 64)
    for kind, images in (("truth", truth), ("noisy", white(truth))):
        for number, image in enumerate(images):
            write_array(tmp_path / kind / f"{number}.tif", image)
    sources = {"noisy": str(tmp_path / "noisy"), "pairs": str(tmp_path / "truth")}
    return trainer.train(sources, tmp_path / "run", make_recipe("student", "quick", SETTINGS), "cpu")


def test_a_page_is_written_into_the_run_and_the_verdict_is_shown(student, capsys):
    run = student
    found = assess_run(run, "cpu")
    assert (run.folder / PAGE).is_file()
    told = " ".join(capsys.readouterr().err.split())
    assert found.verdict in told
    assert f"how far it can be trusted: {run.folder / PAGE}" in told
    assert found.clean == "parts of the training's that it did not learn from"
    assert len(found.noisy_crops) == 1
    assert found.band is not None


def test_what_was_found_goes_with_the_model(student, tmp_path):
    verdict = assess_run(student, "cpu").verdict
    pellucid.export(student.folder, tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        card = archive.read("card.md").decode()
    assert (
        f"(parts of the training's that it did not learn from) with noise like that of the noisy ones: {verdict}"
        in card
    )
    assert str(tmp_path) not in card


def test_measures_are_of_the_weights_that_were_measured(student):
    student.note_measures("It was measured.")
    assert student.read().origin.measures == student.read(student.read().weights).origin.measures == "It was measured."
    assert student.read("average").origin.measures == ""
    student.note_resumption({})
    assert student.read().origin.measures == ""


def test_images_that_were_learned_from_are_said_to_be(student, monkeypatch):
    monkeypatch.setattr("pellucid.assessment.after_training.hold_out_of", lambda planes, slices: (planes, {}))
    asked = []
    monkeypatch.setattr("pellucid.assessment.after_training.assess", lambda *given: asked.append(given))
    with pytest.raises(AttributeError):  # nothing was found
        assess_run(student, "cpu")
    ((_, noisy, truth, origin),) = asked
    assert (len(noisy), len(truth), origin) == (8, 8, SEEN)


def test_a_training_whose_images_are_gone_is_not_assessed_and_not_spoiled(trained, tmp_path, capsys):
    run = Run(shutil.copytree(trained, tmp_path / "run"))
    (run.folder / "paths.json").unlink()
    assert assess_run(run, "cpu") is None
    assert "how far the model can be trusted was not measured: the location of the" in capsys.readouterr().err
    assert not (run.folder / PAGE).exists()


def test_a_training_without_clean_images_is_not_assessed(tmp_path):
    settings = {"width": 4, "patch": 20, "batch": 2, "steps": 1}
    noisy = white(specimens(1, 64))
    run = trainer.train({"noisy": noisy}, tmp_path / "run", make_recipe("noise2void", "quick", settings), "cpu")
    assert assess_run(run, "cpu") is None
