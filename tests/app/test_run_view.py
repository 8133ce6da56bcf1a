from __future__ import annotations

import json
import math

from pellucid.app.run_view import RunWatcher, previews_of


def looks(run, *lines):
    known = {"offset": 0.0, "contrast": 1.0}
    (run / "choice.jsonl").write_text("".join(json.dumps({**known, **line}) + "\n" for line in lines), encoding="utf-8")


def test_a_run_that_is_not_there_yet_shows_nothing(tmp_path):
    sight = RunWatcher(tmp_path / "run").look()
    assert (sight.step, sight.panels, sight.quality, sight.previews) == (0, (), None, {})


def test_a_finished_run_shows_its_losses_with_what_they_should_do(trained, settings):
    sight = RunWatcher(trained).look()
    assert sight.step == settings["steps"]
    assert {"Adversarial", "Cycle and bypass"} <= {panel.title for panel in sight.panels}
    for panel in sight.panels:
        assert panel.drawing.count("<svg") == 1
        assert any("should" in sentence for sentence in panel.sentences)
    assert list(sight.previews) == sorted(sight.previews)
    assert settings["steps"] in sight.previews


def test_expected_quality_names_the_state_that_is_kept(tmp_path):
    looks(
        tmp_path,
        {"step": 10, "weights": "last", "psnr": 20.0, "fits": True},
        {"step": 10, "weights": "average", "psnr": 19.0, "fits": True},
        {"step": 20, "weights": "last", "psnr": 25.0, "fits": False},  # too dark: never preferred to one that is right
        {"step": 20, "weights": "average", "psnr": 22.5, "fits": True},
    )
    quality = RunWatcher(tmp_path).look().quality
    assert "22.50 dB at step 20" in quality.sentences[0]
    assert quality.drawing.count("<circle") == 1


def test_a_state_that_is_worse_than_the_noisy_images_does_not_denoise_yet(tmp_path):
    look = {"step": 1, "weights": "last", "fits": True, "noisy": 19.0}
    looks(tmp_path, {**look, "psnr": 15.0})
    (kept, *_) = RunWatcher(tmp_path).look().quality.sentences
    assert kept.endswith("worse than the noisy images (19.00 dB): train for longer before you use it.")
    looks(tmp_path, {**look, "psnr": 20.0})
    assert RunWatcher(tmp_path).look().quality.sentences[0].endswith("and it denoises.")


def test_a_hundred_thousand_steps_are_drawn_with_little(tmp_path):
    with (tmp_path / "metrics.jsonl").open("w", encoding="utf-8") as file:
        for step in range(1, 100_001):
            losses = {"cycle": 1 / math.sqrt(step), "bypass": 2 / math.sqrt(step), "discriminator_x": math.sin(step)}
            file.write(json.dumps({"step": step, **losses}) + "\n")
    sight = RunWatcher(tmp_path).look()
    assert sight.step == 100_000
    assert sum(len(panel.drawing) for panel in sight.panels) < 80_000


def test_other_files_are_no_previews(tmp_path):
    (tmp_path / "previews").mkdir()
    for name in ("000100.png", "000020.png", "notes.png", "000030.txt"):
        (tmp_path / "previews" / name).write_bytes(b"")
    assert list(previews_of(tmp_path)) == [20, 100]
