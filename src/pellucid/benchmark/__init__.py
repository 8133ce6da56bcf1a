"""Methods side by side: the same images, folds and exposure for all, one row of results for each training."""
