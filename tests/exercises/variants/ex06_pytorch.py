"""Answers to exercise 6 in other styles."""

import copy
import types

import torch
from torch import nn

from tests.exercises.variants import right, wrong

# The layer.


@right("ex06.layer")
def layer_in_place_under_no_grad():
    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps = eps
            self.m = momentum
            self.weight = nn.Parameter(torch.ones(num_features))
            self.bias = nn.Parameter(torch.zeros(num_features))
            self.register_buffer("running_mean", torch.zeros(num_features))
            self.register_buffer("running_var", torch.ones(num_features))
            self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

        def forward(self, x):
            images = x.dim() == 4
            dims = [0, 2, 3] if images else [0]
            shape = [1, -1, 1, 1] if images else [1, -1]
            if self.training:
                n = x.numel() / x.size(1)
                mean = x.mean(dims, keepdim=True)
                var = ((x - mean) ** 2).mean(dims, keepdim=True)
                with torch.no_grad():
                    self.running_mean.mul_(1 - self.m).add_(self.m * mean.flatten())
                    self.running_var.mul_(1 - self.m).add_(self.m * n / (n - 1) * var.flatten())
                    self.num_batches_tracked.add_(1)
            else:
                mean = self.running_mean.view(shape)
                var = self.running_var.view(shape)
            y = (x - mean) * torch.rsqrt(var + self.eps)
            return y * self.weight.view(shape) + self.bias.view(shape)

    return BatchNorm


@right("ex06.layer")
def layer_by_moving_channels_last():
    class Base(nn.Module):
        def __init__(self, num_features):
            super().__init__()
            zeros = torch.zeros(num_features)
            for name, start in (("running_mean", zeros), ("running_var", zeros + 1)):
                self.register_buffer(name, start.clone())
            self.register_buffer("num_batches_tracked", torch.tensor(0))
            self.register_parameter("weight", nn.Parameter(zeros + 1))
            self.register_parameter("bias", nn.Parameter(zeros.clone()))

    class BatchNorm(Base):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            Base.__init__(self, num_features)
            self.eps, self.momentum = eps, momentum

        def forward(self, x):
            rows = x.movedim(1, -1)
            flat = rows.reshape(-1, x.shape[1])
            if not self.training:
                var, mu = self.running_var, self.running_mean
            else:
                var, mu = torch.var_mean(flat, dim=0, correction=0)
                with torch.no_grad():
                    self.num_batches_tracked += 1
                    unbiased = flat.var(dim=0)
                    self.running_mean += self.momentum * (mu - self.running_mean)
                    self.running_var += self.momentum * (unbiased - self.running_var)
            y = self.weight * ((rows - mu) / (var + self.eps) ** 0.5) + self.bias
            return y.movedim(-1, 1)

    return BatchNorm


@right("ex06.layer")
def layer_with_einsum_and_data():
    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps = eps
            self.momentum = momentum
            self.weight = nn.Parameter(torch.empty(num_features))
            self.bias = nn.Parameter(torch.empty(num_features))
            self.register_buffer("running_mean", torch.empty(num_features))
            self.register_buffer("running_var", torch.empty(num_features))
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.int64))
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)
            self.running_mean.zero_()
            self.running_var.fill_(1)

        def forward(self, x):
            if self.training:
                mu, var = self.batch(x)
            else:
                mu, var = self.running_mean, self.running_var
            scale = self.weight / torch.sqrt(var + self.eps)
            shift = self.bias - mu * scale
            tail = (slice(None),) + (None,) * (x.dim() - 2)
            return x * scale[tail] + shift[tail]

        def batch(self, x):
            three = x.reshape(x.shape[0], x.shape[1], -1)
            n = three.shape[0] * three.shape[2]
            mu = torch.einsum("ncl->c", three) / n
            centred = three - mu[:, None]
            squares = torch.einsum("ncl,ncl->c", centred, centred)
            m = self.momentum
            self.running_mean.data = (1 - m) * self.running_mean.data + m * mu.data
            self.running_var.data = (1 - m) * self.running_var.data + m * squares.data / (n - 1)
            self.num_batches_tracked = self.num_batches_tracked + 1
            return mu, squares / n

    return BatchNorm


def layer_with(
    buffers=True, correction=1, detached=True, inverted=False, asks=lambda layer: layer.training
):
    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.weight = nn.Parameter(torch.ones(num_features))
            self.bias = nn.Parameter(torch.zeros(num_features))
            if buffers:
                self.register_buffer("running_mean", torch.zeros(num_features))
                self.register_buffer("running_var", torch.ones(num_features))
            else:
                self.running_mean = torch.zeros(num_features)
                self.running_var = torch.ones(num_features)
            self.register_buffer("num_batches_tracked", torch.tensor(0))

        def forward(self, x):
            rows = x.transpose(0, 1).flatten(1)  # (C, n)
            mean, var = self.running_mean, self.running_var
            if asks(self):
                mean, var = rows.mean(1), rows.var(1, unbiased=False)
                kept = rows.detach() if detached else rows
                m = 1 - self.momentum if inverted else self.momentum
                self.running_mean = (1 - m) * self.running_mean + m * kept.mean(1)
                self.running_var = (1 - m) * self.running_var + m * kept.var(
                    1, correction=correction
                )
                self.num_batches_tracked += 1
            shape = (1, len(mean)) + (1,) * (x.dim() - 2)
            x_hat = (x - mean.view(shape)) / (var.view(shape) + self.eps).sqrt()
            return self.weight.view(shape) * x_hat + self.bias.view(shape)

    return BatchNorm


@right("ex06.layer")
def layer_assigned_anew():
    return layer_with()


@wrong("ex06.layer", "running statistics as plain attributes")
def layer_without_buffers():
    return layer_with(buffers=False)


@wrong("ex06.layer", "the running variance is biased")
def layer_with_a_biased_memory():
    return layer_with(correction=0)


@wrong("ex06.layer", "running statistics not detached")
def layer_that_drags_its_graph():
    return layer_with(detached=False)


@wrong("ex06.layer", "the mode taken from whether gradients are on")
def layer_that_asks_autograd():
    return layer_with(asks=lambda layer: torch.is_grad_enabled())


@wrong("ex06.layer", "the mode is not asked")
def layer_that_always_trains():
    return layer_with(asks=lambda layer: True)


@wrong("ex06.layer", "running statistics not detached", "momentum weighs the old value")
def layer_with_two_mistakes():
    return layer_with(detached=False, inverted=True)


@wrong("ex06.layer", "running statistics as Parameters")
def layer_whose_statistics_are_parameters():
    class BatchNorm(nn.Module):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.weight, self.running_var = (nn.Parameter(torch.ones(num_features)) for _ in "ab")
            self.bias, self.running_mean = (nn.Parameter(torch.zeros(num_features)) for _ in "ab")
            self.register_buffer("num_batches_tracked", torch.tensor(0))

        def forward(self, x):
            dims = tuple(d for d in range(x.dim()) if d != 1)
            lift = (..., *(None,) * (x.dim() - 2))
            if self.training:
                mean, var = x.mean(dims), x.var(dims, correction=0)
                with torch.no_grad():
                    self.running_mean.lerp_(mean, self.momentum)
                    self.running_var.lerp_(x.var(dims), self.momentum)
                self.num_batches_tracked += 1
            else:
                mean, var = self.running_mean, self.running_var
            std = (var[lift] + self.eps).sqrt()
            return (x - mean[lift]) / std * self.weight[lift] + self.bias[lift]

    return BatchNorm


@wrong("ex06.layer", "μ and σ taken as constants")
def layer_with_statistics_under_no_grad():
    class BatchNorm(layer_with()):
        def forward(self, x):
            y = super().forward(x)
            if not self.training:
                return y
            rows = x.detach().transpose(0, 1).flatten(1)
            shape = (1, -1) + (1,) * (x.dim() - 2)
            mean, var = rows.mean(1).view(shape), rows.var(1, correction=0).view(shape)
            x_hat = (x - mean) / torch.sqrt(var + self.eps)
            return self.weight.view(shape) * x_hat + self.bias.view(shape)

    return BatchNorm


# Values.


@right("ex06.learned")
def learned_as_a_float():
    return 16.0


@wrong("ex06.stored", "the counter forgotten")
def stored_without_the_counter():
    return 4 * 8


# One epoch.


@right("ex06.train")
def epoch_with_a_list_of_losses():
    def train_one_epoch(model, batches, optimizer, loss_function):
        model.train(True)
        losses = []
        for inputs, labels in batches:
            logits = model(inputs)[:, 0]
            loss = loss_function(logits, labels)
            model.zero_grad()
            loss.backward()
            optimizer.step()
            losses += [float(loss.detach())] * len(labels)
        return sum(losses) / len(losses)

    return train_one_epoch


@right("ex06.train")
def epoch_that_clears_afterwards():
    def train_one_epoch(model, batches, optimizer, loss_function):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        total = torch.zeros(())
        for x, y in batches:
            loss = loss_function(model(x).flatten(), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.detach() * x.shape[0]
        return (total / sum(x.shape[0] for x, _ in batches)).item()

    return train_one_epoch


@right("ex06.train")
def epoch_with_gradients_by_hand():
    def train_one_epoch(model, batches, optimizer, loss_function):
        for module in model.modules():
            module.training = True
        parameters = list(model.parameters())
        shares = []
        everyone = sum(y.numel() for _, y in batches)
        for x, y in batches:
            loss = loss_function(model(x).reshape(-1), y)
            gradients = torch.autograd.grad(loss, parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
            shares.append(loss.item() * y.numel() / everyone)
        return sum(shares)

    return train_one_epoch


@wrong("ex06.train", "gradients are not set to zero")
def epoch_that_piles_up():
    def train_one_epoch(model, batches, optimizer, loss_function):
        model.train()
        seen = []
        for x, y in batches:
            loss = loss_function(model(x)[:, 0], y)
            loss.backward()
            optimizer.step()
            seen += [loss.item()] * len(y)
        return sum(seen) / len(seen)

    return train_one_epoch


@wrong("ex06.train", "train mode is not switched on", "the loss averaged over the batches")
def epoch_that_trusts_its_caller():
    def train_one_epoch(model, batches, optimizer, loss_function):
        losses = []
        for x, y in batches:
            optimizer.zero_grad()
            losses.append(loss_function(model(x).reshape(-1), y))
            losses[-1].backward()
            optimizer.step()
        return torch.stack(losses).mean().item()

    return train_one_epoch


# The evaluation.


@right("ex06.evaluate")
def evaluation_under_inference_mode():
    def evaluate(model, batches, loss_function):
        before = [module.training for module in model.modules()]
        try:
            model.eval()
            with torch.inference_mode():
                outputs = [model(x)[:, 0] for x, _ in batches]
                labels = [y for _, y in batches]
                loss = loss_function(torch.cat(outputs), torch.cat(labels))
                hits = (torch.cat(outputs) > 0).double() == torch.cat(labels)
                return float(loss), float(hits.double().mean())
        finally:
            for module, mode in zip(model.modules(), before, strict=True):
                module.train(mode)

    return evaluate


@right("ex06.evaluate")
def evaluation_of_a_copy():
    def evaluate(model, batches, loss_function):
        twin = copy.deepcopy(model).eval()
        rows = []
        with torch.no_grad():
            for x, y in batches:
                for i in range(len(y)):
                    logit = twin(x[i : i + 1]).squeeze(1)
                    loss = loss_function(logit, y[i : i + 1]).item()
                    rows.append((loss, float((logit.item() > 0) == bool(y[i]))))
        return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))

    return evaluate


@right("ex06.evaluate")
def evaluation_as_a_decorated_function():
    def evaluate(model, batches, loss_function):
        in_train = [module for module in model.modules() if module.training]
        model.train(False)

        @torch.no_grad()
        def one(x, y):
            logits = model(x).flatten()
            right = (torch.sigmoid(logits) > 0.5) == (y > 0.5)
            return len(y), loss_function(logits, y).item(), int(right.sum())

        parts = [one(x, y) for x, y in batches]
        for module in in_train:
            module.training = True
        n = sum(part[0] for part in parts)
        return sum(k * loss for k, loss, _ in parts) / n, sum(part[2] for part in parts) / n

    return evaluate


@wrong("ex06.evaluate", "no_grad taken for eval mode")
def evaluation_with_no_grad_only():
    @torch.no_grad()
    def evaluate(model, batches, loss_function):
        loss, hits, n = 0.0, 0, 0
        for x, y in batches:
            logits = model(x)[:, 0]
            loss += float(loss_function(logits, y)) * len(y)
            hits += int(((logits > 0).float() == y).sum())
            n += len(y)
        return loss / n, hits / n

    return evaluate


@wrong("ex06.evaluate", "the mode is not restored")
def evaluation_that_stays():
    @torch.no_grad()
    def evaluate(model, batches, loss_function):
        model.eval()
        logits = torch.cat([model(x) for x, _ in batches]).squeeze(1)
        y = torch.cat([y for _, y in batches])
        return loss_function(logits, y).item(), ((logits > 0) == y).double().mean().item()

    return evaluate


@wrong("ex06.evaluate", "one mode for the whole model")
def evaluation_that_thaws():
    @torch.no_grad()
    def evaluate(model, batches, loss_function):
        before = model.training
        model.eval()
        logits = torch.cat([model(x) for x, _ in batches]).squeeze(1)
        y = torch.cat([y for _, y in batches])
        model.train(before)
        return loss_function(logits, y).item(), ((logits > 0) == y).double().mean().item()

    return evaluate


# The freeze.

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@right("ex06.freeze")
def freeze_before_each_forward():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, KINDS):
                module.eval()
                module.register_forward_pre_hook(lambda layer, inputs: layer.eval() and None)
                for parameter in module.parameters():
                    parameter.requires_grad = False

    return freeze


@right("ex06.freeze")
def freeze_by_another_class():
    def freeze(model):
        for name, layer in model.named_children():
            if isinstance(layer, KINDS):
                frozen = Fixed(layer)
                setattr(model, name, frozen)
            else:
                freeze(layer)

    class Fixed(nn.Module):
        def __init__(self, layer):
            super().__init__()
            for key, value in layer.state_dict().items():
                self.register_buffer(key, value.clone())
            self.eps = layer.eps

        def forward(self, x):
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )

    return freeze


@right("ex06.freeze")
def freeze_by_the_models_own_train():
    def freeze(model):
        layers = [m for m in model.modules() if type(m) in KINDS]

        def train(self, mode=True):
            nn.Module.train(self, mode)
            for layer in layers:
                layer.training = False
            return self

        model.train = types.MethodType(train, model)
        model.train(model.training)
        for layer in layers:
            layer.weight.requires_grad = layer.bias.requires_grad = False

    return freeze


@wrong("ex06.freeze", "frozen by requires_grad alone")
def freeze_by_requires_grad():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.requires_grad_(False)

    return freeze


@wrong("ex06.freeze", "eval() undone by train()")
def freeze_until_train():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, KINDS):
                module.eval().requires_grad_(False)

    return freeze


@wrong("ex06.freeze", "eval() undone by train()", "γ and β still learn")
def freeze_by_eval_alone():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, KINDS):
                module.eval()

    return freeze


@wrong("ex06.freeze", "the statistics stay, but the batch normalises")
def freeze_without_tracking():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, KINDS):
                module.track_running_stats = False
                module.requires_grad_(False)

    return freeze


@wrong("ex06.freeze", "nothing is frozen")
def freeze_by_name():
    def freeze(model):
        for name, module in model.named_modules():
            if name.startswith("bn"):
                module.eval()
                module.requires_grad_(False)
                module.train = lambda mode=True, module=module: module

    return freeze


@wrong("ex06.freeze", "layers for volumes missed")
def freeze_two_of_three_kinds():
    def freeze(model):
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.requires_grad_(False)
                module.eval()
                module.train = types.MethodType(lambda self, mode=True: self, module)

    return freeze


@wrong("ex06.train", "`return` inside the loop")
def train_on_the_first_batch():
    def train_one_epoch(model, batches, optimizer, loss_function):
        model.train()
        losses, sizes = [], []
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_function(model(x)[:, 0], y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item() * len(x))
            sizes.append(len(x))
            return sum(losses) / sum(sizes)

    return train_one_epoch


@wrong("ex06.evaluate", "the parameters are left frozen")
def evaluate_without_requires_grad():
    def evaluate(model, batches, loss_function):
        modes = {module: module.training for module in model.modules()}
        model.eval()
        for parameter in model.parameters():
            parameter.requires_grad = False
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        logits = model(x)[:, 0]
        for module, mode in modes.items():
            module.training = mode
        share = ((logits > 0).to(y.dtype) == y).to(y.dtype).mean()
        return loss_function(logits, y).item(), share.item()

    return evaluate
