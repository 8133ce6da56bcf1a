"""One training step of ISCL, plainly: everything computed anew wherever it is used, every flag set by hand.

The reference for `pellucid.methods.iscl`, which computes nothing twice. The only things shared with it are the network
classes: losses, order, modes, Lookahead, learning rate and constraint are written again from the published step.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

LAMBDA = 30.0


class PlainLookahead:
    """slow += ½(fast − slow), fast = slow, after every sixth step."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.slow = [parameter.detach().clone() for parameter in parameters]
        self.steps = 0

    def after_step(self):
        self.steps += 1
        if self.steps == 6:
            self.steps = 0
            for i, parameter in enumerate(self.parameters):
                self.slow[i] = self.slow[i] + 0.5 * (parameter.detach() - self.slow[i])
                parameter.data = self.slow[i].clone()


class PlainIscl:
    """The networks of a method, copied, and a step of their own."""

    def __init__(self, method, recipe):
        self.recipe = recipe
        self.F, self.G, self.H = (copy.deepcopy(network) for network in (method.F, method.G, method.H))
        self.DX, self.DY = copy.deepcopy(method.D_X), copy.deepcopy(method.D_Y)
        self.networks = [self.F, self.G, self.H, self.DX, self.DY]
        self.trainable = {id(p): p.requires_grad for network in self.networks for p in network.parameters()}
        self.adams = [self._adam(self.DX, self.DY), self._adam(self.F, self.G), self._adam(self.H)]
        self.lookaheads = [
            PlainLookahead(self._parameters(self.DX, self.DY)),
            None,
            PlainLookahead(self._parameters(self.H)),
        ]
        self.t = 0

    def step(self, x, y):
        self.t += 1
        self._prepare(self.DX, self.DY)
        self._update(0, self.discriminator_loss(x, y), self.DX, self.DY)
        self._prepare(self.F, self.G)
        self._update(1, self.generator_loss(x, y), self.F, self.G)
        self._prepare(self.H)
        self._update(2, self.extractor_loss(x, y), self.H)

    def discriminator_loss(self, x, y):
        with torch.no_grad():
            clean_fake, noisy_fake, noise = self.F(x), self.G(y), self.H(x)
        real_x, fake_x, bypass_x = self.DX(x), self.DX(noisy_fake), self.DX(y + noise)
        real_y, fake_y, bypass_y = self.DY(y), self.DY(clean_fake), self.DY(x - noise)
        noisy = torch.clamp(1 - real_x, min=0).mean() + torch.clamp(fake_x, min=0).mean()
        clean = torch.clamp(1 - real_y, min=0).mean() + torch.clamp(fake_y, min=0).mean()
        boosting = torch.clamp(bypass_x, min=0).mean() + torch.clamp(bypass_y, min=0).mean()
        return noisy + clean + boosting

    def generator_loss(self, x, y):
        with torch.no_grad():
            noise = self.H(x)
        clean_fake, noisy_fake = self.F(x), self.G(y)
        adversarial = -self.DX(noisy_fake).mean() - self.DY(clean_fake).mean()
        cycle = (x - self.G(clean_fake)).abs().mean() + (y - self.F(noisy_fake)).abs().mean()
        bypass = (clean_fake - (x - noise)).abs().mean() + (y - self.F(y + noise)).abs().mean()
        return adversarial + LAMBDA * (cycle + bypass)

    def extractor_loss(self, x, y):
        with torch.no_grad():
            clean_fake, noisy_fake = self.F(x), self.G(y)
        pseudo = (self.H(x) - (x - clean_fake)).abs().mean()
        return pseudo + (noisy_fake - y - self.H(noisy_fake)).abs().mean()

    def _prepare(self, *own):
        """Only the networks of this update are in training mode and take gradients."""
        for network in self.networks:
            if any(network is other for other in own):
                network.train()
            else:
                network.eval()
            for parameter in network.parameters():
                parameter.grad = None
                parameter.requires_grad = self.trainable[id(parameter)] and any(network is other for other in own)

    def _update(self, which, loss, *own):
        loss.backward()
        share = min(self.t, self.recipe.steps) / self.recipe.steps
        rate = self.recipe.learning_rate + (self.recipe.final_learning_rate - self.recipe.learning_rate) * share
        for group in self.adams[which].param_groups:
            group["lr"] = rate
        self.adams[which].step()
        if self.lookaheads[which]:
            self.lookaheads[which].after_step()
        for network in own:
            for name, parameter in network.named_parameters():
                if name.endswith("rho"):
                    parameter.data = parameter.data.clamp(0, 1)

    def _parameters(self, *networks: nn.Module):
        return [p for network in networks for p in network.parameters() if self.trainable[id(p)]]

    def _adam(self, *networks):
        return torch.optim.RAdam(self._parameters(*networks), lr=self.recipe.learning_rate, eps=1e-7)
