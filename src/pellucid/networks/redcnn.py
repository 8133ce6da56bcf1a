"""RED-CNN: a residual encoder-decoder without pooling (Chen et al., IEEE TMI 36(12), 2017)."""

from __future__ import annotations

from torch import Tensor, fx, nn
from torch.nn.functional import pad


def continued(x: Tensor, side: int) -> Tensor:
    """(N, C, H, W) with its last row and column repeated until H and W are at least `side`."""
    height, width = x.shape[2:]
    missing = (0, max(0, side - width), 0, max(0, side - height))
    return pad(x, missing, mode="replicate") if any(missing) else x


fx.wrap("continued")  # what it does depends on the size: one step for whoever traces the network


class RedCnn(nn.Module):
    """Five unpadded 5×5 convolutions, five transposed ones that undo the shrinking, three shortcuts; no norm.

    Args:
        width: channels (96 in the usual port).
    """

    stride = 1
    halo = 20
    """How far an output pixel sees, in pixels."""
    smallest = 21
    """Side of an image of which five unpadded convolutions leave one pixel."""

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        w = width
        self.down = nn.ModuleList(nn.Conv2d(w if number else 1, w, 5) for number in range(5))
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w if number < 4 else 1, 5) for number in range(5))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) in [0, 1] -> (N, 1, H, W), at least 0; a side below 21 pixels is continued by its last pixel."""
        height, width = x.shape[2:]
        result: Tensor = self._encode_and_decode(continued(x, self.smallest))
        return result[:, :, :height, :width]

    def _encode_and_decode(self, x: Tensor) -> Tensor:
        """The shortcuts: input to the last, second to the third, fourth to the first transposed convolution."""
        shortcuts, result = {4: x}, x
        for number, conv in enumerate(self.down):
            result = conv(result).relu()
            if number in (1, 3):
                shortcuts[3 - number] = result
        for number, conv in enumerate(self.up):
            result = conv(result)
            if number in shortcuts:
                result = result + shortcuts.pop(number)
            result = result.relu()
        return result
