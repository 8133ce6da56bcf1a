"""Compare methods on the same images, with the same folds and the same amount of training.

The words, in code, options and files:

- method: what `--methods` takes, a recipe with its settings;
- dataset: clean and noisy images that methods are trained and tested on;
- fold: a split of a dataset into training and test images;
- seed: of the random numbers of a training;
- run: one method on one fold of one dataset with one seed, trained (if it learns) and tested; its result is one row;
- figure: a picture of crops, errors or quality.
"""
