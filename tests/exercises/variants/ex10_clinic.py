"""Repairs of the clinic's programs in other styles, good and bad."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from tests.exercises.variants import right, wrong

# 1. Training with validation.


@right("ex10.training")
def training_with_the_mode_restored_by_validation():
    def validate(net, x, y):
        before = net.training
        net.eval()
        try:
            with torch.no_grad():
                return float(((net(x) - y) ** 2).mean())
        finally:
            net.train(before)

    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        net.train()
        errors = []
        plan = [pair for _ in range(epochs) for pair in batches]
        for number, (x, y) in enumerate(plan, start=1):
            loss = ((net(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number % every == 0:
                errors.append(validate(net, x_val, y_val))
        return errors

    return train


@right("ex10.training")
def training_with_a_copy_for_validation():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        net.train()
        errors = []
        step = 0
        for _ in range(epochs):
            for x, y in batches:
                optimizer.zero_grad()
                F.mse_loss(net(x), y).backward()
                optimizer.step()
                step += 1
                if not step % every:
                    judge = copy.deepcopy(net).eval()
                    errors.append(F.mse_loss(judge(x_val), y_val).item())
        return errors

    return train


@right("ex10.training")
def training_with_every_module_switched_by_hand():
    def switch(net, mode):
        for module in net.modules():
            module.training = mode

    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        errors, step = [], 0
        switch(net, True)
        while step < epochs * len(batches):
            x, y = batches[step % len(batches)]
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
            step += 1
            if step % every == 0:
                switch(net, False)
                with torch.inference_mode():
                    errors.append(F.mse_loss(net(x_val), y_val).item())
                switch(net, True)
        return errors

    return train


@wrong("ex10.training", "train() only at the start of an epoch")
def training_with_the_repair_of_the_chapter():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        errors, step = [], 0
        while step < epochs * len(batches):
            if step % len(batches) == 0:
                net.train()
            x, y = batches[step % len(batches)]
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
            step += 1
            if step % every == 0:
                with torch.no_grad():
                    errors.append(F.mse_loss(net.eval()(x_val), y_val).item())
        return errors

    return train


@wrong("ex10.training", "no_grad taken for eval mode")
def training_without_eval_in_validation():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        net.train()
        errors = []
        plan = [pair for _ in range(epochs) for pair in batches]
        for number, (x, y) in enumerate(plan, start=1):
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
            if number % every == 0:
                with torch.inference_mode():
                    errors.append(F.mse_loss(net(x_val), y_val).item())
        return errors

    return train


@wrong("ex10.training", "train mode does not reach the layers")
def training_with_train_not_called():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        errors = []
        plan = [pair for _ in range(epochs) for pair in batches]
        for number, (x, y) in enumerate(plan, start=1):
            net.train  # noqa: B018 (the mistake)
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
            if number % every == 0:
                net.eval()
                errors.append(F.mse_loss(net(x_val), y_val).item())
        return errors

    return train


# 2. Predictions.


@right("ex10.prediction")
def prediction_with_a_copy():
    def predict(net, x, size):
        reader = copy.deepcopy(net).eval().requires_grad_(False)
        return torch.cat([reader(x[i : i + size]) for i in range(0, len(x), size)])

    return predict


@right("ex10.prediction")
def prediction_one_example_at_a_time():
    def predict(net, x, size):
        training = {name for name, module in net.named_modules() if module.training}
        net.eval()
        rows = [net(row[None]).detach()[0] for row in x]
        for name, module in net.named_modules():
            module.training = name in training
        return torch.stack(rows)

    return predict


@right("ex10.prediction")
def prediction_in_inference_mode_into_one_tensor():
    @torch.inference_mode()
    def predict(net, x, size):
        modules = list(net.modules())
        modes = [module.training for module in modules]
        for module in modules:
            module.training = False
        y = net(x[:1])
        out = x.new_empty(len(x), y.shape[1])
        for start in range(0, len(x), size):
            out[start : start + size] = net(x[start : start + size])
        for module, mode in zip(modules, modes, strict=True):
            module.train(mode) if not list(module.children()) else None
            module.training = mode
        return out

    return predict


@wrong("ex10.prediction", "eval() undone by train()")
def prediction_with_the_outer_mode_alone():
    def predict(net, x, size):
        before = net.training
        with torch.no_grad():
            out = net.eval()(x)
        return (net.train() if before else net) and out

    return predict


@wrong("ex10.prediction", "batch statistics in eval mode")
def prediction_without_tracking():
    def predict(net, x, size):
        layers = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d)]
        for layer in layers:
            layer.track_running_stats = False
        with torch.no_grad():
            out = torch.cat([net(part) for part in x.split(size)])
        for layer in layers:
            layer.track_running_stats = True
        return out

    return predict


@wrong("ex10.prediction", "left in eval mode", "eval taken for no_grad")
def prediction_with_eval_alone():
    def predict(net, x, size):
        net.eval()
        return torch.cat([net(part) for part in x.split(size)])

    return predict


# 3. Fine-tuning.


@right("ex10.fine_tuning")
def fine_tuning_the_head_on_features():
    def fine_tune(net, batches, epochs, rate):
        backbone, head = net
        backbone.eval()
        head.train()
        with torch.no_grad():
            pairs = [(backbone(x), y) for x, y in batches]
        optimizer = torch.optim.SGD(head.parameters(), lr=rate)
        for _ in range(epochs):
            for features, y in pairs:
                optimizer.zero_grad()
                F.mse_loss(head(features), y).backward()
                optimizer.step()

    return fine_tune


@right("ex10.fine_tuning")
def fine_tuning_by_hand():
    def fine_tune(net, batches, epochs, rate):
        backbone, head = net[0], net[1]
        for layer in backbone:
            layer.eval()
        head.train()
        for _ in range(epochs):
            for x, y in batches:
                own = list(head.parameters())
                slopes = torch.autograd.grad(F.mse_loss(net(x), y), own)
                with torch.no_grad():
                    for p, slope in zip(own, slopes, strict=True):
                        p -= rate * slope

    return fine_tune


@right("ex10.fine_tuning")
def fine_tuning_with_a_train_that_respects_the_freeze():
    def fine_tune(net, batches, epochs, rate):
        frozen = net[0].eval()
        frozen.train = lambda mode=True: frozen
        for p in frozen.parameters():
            p.requires_grad = False
        optimizer = torch.optim.SGD(net[1].parameters(), lr=rate)
        for _ in range(epochs):
            net.train()
            for x, y in batches:
                loss = F.mse_loss(net(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        del frozen.train

    return fine_tune


@wrong("ex10.fine_tuning", "frozen by requires_grad alone")
def fine_tuning_with_features_under_no_grad():
    def fine_tune(net, batches, epochs, rate):
        optimizer = torch.optim.SGD(net[1].parameters(), lr=rate)
        for _ in range(epochs):
            net.train()
            for x, y in batches:
                with torch.no_grad():
                    features = net[0](x)
                optimizer.zero_grad()
                F.mse_loss(net[1](features), y).backward()
                optimizer.step()

    return fine_tune


@wrong("ex10.fine_tuning", "the running statistics are kept and not used")
def fine_tuning_with_the_state_put_back():
    def fine_tune(net, batches, epochs, rate):
        state = copy.deepcopy(net[0].state_dict())
        optimizer = torch.optim.SGD(net[1].parameters(), lr=rate)
        net.train()
        for x, y in batches * epochs:
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
        net[0].load_state_dict(state)

    return fine_tune


@wrong("ex10.fine_tuning", "γ and β still learn")
def fine_tuning_with_the_statistics_frozen_alone():
    def fine_tune(net, batches, epochs, rate):
        net.train()
        net[0].eval()
        groups = [net[1].parameters()]
        groups += [m.parameters() for m in net[0] if isinstance(m, nn.BatchNorm1d)]
        optimizer = torch.optim.SGD([p for group in groups for p in group], lr=rate)
        for x, y in batches * epochs:
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()

    return fine_tune


# 4. The layer.


@right("ex10.layer")
def layer_in_place_under_no_grad():
    class BatchNorm(nn.Module):
        def __init__(self, channels, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

        @torch.no_grad()
        def remember(self, x):
            self.running_mean += self.momentum * (x.mean(0) - self.running_mean)
            self.running_var += self.momentum * (x.var(0) - self.running_var)

        def forward(self, x):
            if not self.training:
                scale = self.weight / (self.running_var + self.eps).sqrt()
                return x * scale + (self.bias - self.running_mean * scale)
            self.remember(x)
            centred = x - x.mean(0, keepdim=True)
            power = (centred**2).mean(0, keepdim=True)
            return self.weight * centred * torch.rsqrt(power + self.eps) + self.bias

    return BatchNorm


@right("ex10.layer")
def layer_with_lerp_and_data():
    class Blender(nn.Module):
        def blend(self, name, new):
            getattr(self, name).lerp_(new.detach(), self.momentum)

    class BatchNorm(Blender):
        def __init__(self, channels, eps=1e-5, momentum=0.1):
            nn.Module.__init__(self)
            for name, start in (("running_mean", 0.0), ("running_var", 1.0)):
                self.register_buffer(name, torch.full((channels,), start))
            self.bias = nn.Parameter(torch.zeros(channels))
            self.weight = nn.Parameter(torch.ones(channels))
            self.momentum = momentum
            self.eps = eps

        def forward(self, x):
            if self.training:
                var, mu = torch.var_mean(x, dim=0, correction=0)
                self.blend("running_mean", mu)
                self.blend("running_var", x.var(dim=0))
            else:
                mu, var = self.running_mean, self.running_var
            return (x - mu) * (var + self.eps) ** -0.5 * self.weight + self.bias

    return BatchNorm


@right("ex10.layer")
def layer_that_registers_again_each_time():
    class BatchNorm(nn.Module):
        def __init__(self, channels, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps = eps
            self.momentum = momentum
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))
            self.keep(torch.zeros(channels), torch.ones(channels))

        def keep(self, mean, var):
            self.register_buffer("running_mean", mean.detach().clone())
            self.register_buffer("running_var", var.detach().clone())

        def forward(self, x):
            mean, var = self.running_mean, self.running_var
            if self.training:
                n, m = x.shape[0], self.momentum
                mean = torch.einsum("nc->c", x) / n
                var = torch.einsum("nc,nc->c", x - mean, x - mean) / n
                unbiased = var * (n / (n - 1))
                self.keep(
                    m * mean + (1 - m) * self.running_mean,
                    m * unbiased + (1 - m) * self.running_var,
                )
            return self.weight * ((x - mean) / (var + self.eps).sqrt()) + self.bias

    return BatchNorm


def layer(register, detach=True, new=None):
    """A layer that keeps its statistics in another way, or moves them differently."""

    class BatchNorm(nn.Module):
        def __init__(self, channels, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))
            register(self, "running_mean", torch.zeros(channels))
            register(self, "running_var", torch.ones(channels))

        def forward(self, x):
            if not self.training:
                spread = torch.sqrt(self.running_var + self.eps)
                return (x - self.running_mean) / spread * self.weight + self.bias
            var, mu = torch.var_mean(x, 0, correction=0)
            weight = new or self.momentum
            for name, value in (("running_mean", mu), ("running_var", x.var(0))):
                old = getattr(self, name)
                moved = old + weight * (value - old)
                setattr(self, name, moved.detach() if detach else moved)
            return (x - mu) / torch.sqrt(var + self.eps) * self.weight + self.bias

    return BatchNorm


@wrong("ex10.layer", "running statistics as plain attributes")
def layer_with_attributes():
    return layer(setattr)


@wrong("ex10.layer", "running statistics not detached")
def layer_with_a_graph():
    return layer(nn.Module.register_buffer, detach=False)


@wrong("ex10.layer", "another default in place of another formula")
def layer_with_the_momentum_of_another_framework():
    class BatchNorm(layer(nn.Module.register_buffer)):
        def __init__(self, channels, eps=1e-5, momentum=0.9):
            super().__init__(channels, eps, 1 - momentum)

    return BatchNorm


# 5. An average of networks.


@right("ex10.averaging")
def averaging_by_a_running_count():
    def average(nets, batches):
        new = copy.deepcopy(nets[0])
        with torch.no_grad():
            for ps in zip(new.parameters(), *(net.parameters() for net in nets), strict=True):
                ps[0].copy_(sum(ps[1:]) / len(nets))
            new.train()
            layers = [m for m in new.modules() if isinstance(m, nn.BatchNorm1d)]
            old = [layer.momentum for layer in layers]
            for k, x in enumerate(batches, start=1):
                for layer in layers:
                    layer.momentum = 1 / k  # the first replaces what was there
                new(x)
        for layer, momentum in zip(layers, old, strict=True):
            layer.momentum = momentum
        new.eval()
        return new

    return average


@right("ex10.averaging")
def averaging_with_hooks():
    def average(nets, batches):
        result = copy.deepcopy(nets[0])
        means = {
            name: torch.stack([dict(net.named_parameters())[name].data for net in nets]).mean(0)
            for name, _ in result.named_parameters()
        }
        result.load_state_dict(means, strict=False)
        seen = {}

        def look(layer, inputs):
            seen.setdefault(layer, []).append(inputs[0])

        layers = [m for m in result.modules() if isinstance(m, nn.BatchNorm1d)]
        hooks = [layer.register_forward_pre_hook(look) for layer in layers]
        result.train()
        with torch.no_grad():
            for x in batches:
                result(x)
            for hook in hooks:
                hook.remove()
            for layer in layers:
                layer.running_mean.copy_(torch.stack([a.mean(0) for a in seen[layer]]).mean(0))
                layer.running_var.copy_(torch.stack([a.var(0) for a in seen[layer]]).mean(0))
        return result.eval()

    return average


@right("ex10.averaging")
def averaging_into_vectors():
    def average(nets, batches):
        from torch.nn.utils import parameters_to_vector, vector_to_parameters

        net = copy.deepcopy(nets[-1])
        vectors = [parameters_to_vector(n.parameters()).detach() for n in nets]
        vector_to_parameters(sum(vectors) / len(vectors), net.parameters())
        momenta = {}
        for layer in net.modules():
            if hasattr(layer, "reset_running_stats"):
                momenta[layer], layer.momentum = layer.momentum, None
                layer.reset_running_stats()
        net.train()
        [net(x) for x in batches]
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        return net.eval()

    return average


@right("ex10.averaging")
def averaging_with_torch_swa_utils():
    def average(nets, batches):
        model = torch.optim.swa_utils.AveragedModel(nets[0])
        for net in nets:
            model.update_parameters(net)
        torch.optim.swa_utils.update_bn(batches, model)
        return model.module.eval()

    return average


@wrong("ex10.averaging", "the running statistics are averaged like weights")
def averaging_state_dicts():
    def average(nets, batches):
        states = [net.state_dict() for net in nets]
        new = copy.deepcopy(nets[0])
        new.load_state_dict({k: sum(state[k] for state in states) / len(nets) for k in states[0]})
        return new.eval()

    return average


@wrong("ex10.averaging", "momentum not put back", "left in train mode")
def averaging_half_done():
    def average(nets, batches):
        new = copy.deepcopy(nets[0])
        with torch.no_grad():
            for ps in zip(new.parameters(), *(net.parameters() for net in nets), strict=True):
                ps[0].copy_(sum(ps[1:]) / len(nets))
            for layer in new.modules():
                if isinstance(layer, nn.BatchNorm1d):
                    layer.reset_running_stats()
                    layer.momentum = None
            new.train()
            for x in batches:
                new(x)
        return new

    return average


# 6. The last batch.


def whole_error(net, x, y, size):
    """The test error in one go."""
    with torch.no_grad():
        return F.mse_loss(net.eval()(x), y).item()


@right("ex10.leftovers")
def leftovers_by_counting_full_batches():
    def fit(net, optimizer, x, y, orders, size):
        net.train()
        for order in orders:
            for k in range(len(order) // size):
                part = order[k * size : (k + 1) * size]
                optimizer.zero_grad()
                F.mse_loss(net(x[part]), y[part]).backward()
                optimizer.step()

    return fit, whole_error


@right("ex10.leftovers")
def leftovers_with_a_reshape():
    def fit(net, optimizer, x, y, orders, size):
        for order in orders:
            full = order[: len(order) // size * size].reshape(-1, size)
            for part in full:
                net.train().zero_grad()
                loss = ((net(x[part]) - y[part]) ** 2).mean()
                loss.backward()
                optimizer.step()

    def test_error(net, x, y, size):
        net.eval()
        rows = [((net(x[i : i + 1]) - y[i]) ** 2).item() for i in range(len(x))]
        return sum(rows) / len(rows)

    return fit, test_error


@right("ex10.leftovers")
def leftovers_with_data_loaders():
    from torch.utils.data import DataLoader, Subset, TensorDataset

    def fit(net, optimizer, x, y, orders, size):
        examples = TensorDataset(x, y)
        net.train()
        for order in orders:
            shuffled = Subset(examples, order.tolist())
            for a, b in DataLoader(shuffled, batch_size=size, drop_last=True):
                optimizer.zero_grad()
                F.mse_loss(net(a), b).backward()
                optimizer.step()

    def test_error(net, x, y, size):
        net.eval()
        total = 0.0
        with torch.no_grad():
            for a, b in DataLoader(TensorDataset(x, y), batch_size=size):
                total += float(F.mse_loss(net(a), b, reduction="sum"))
        return total / len(x)

    return fit, test_error


@wrong("ex10.leftovers", "only a batch of one is skipped")
def leftovers_with_the_error_caught():
    def fit(net, optimizer, x, y, orders, size):
        net.train()
        for order in orders:
            for part in order.split(size):
                try:
                    loss = F.mse_loss(net(x[part]), y[part])
                except ValueError:
                    continue
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return fit, whole_error


@wrong("ex10.leftovers", "the rest of the test set is left out")
def leftovers_dropped_in_the_test_too():
    fit, _ = leftovers_by_counting_full_batches()

    def test_error(net, x, y, size):
        count = len(x) // size * size
        return whole_error(net, x[:count], y[:count], size)

    return fit, test_error


@wrong("ex10.leftovers", "the last batch is always skipped")
def leftovers_without_the_last_batch():
    def fit(net, optimizer, x, y, orders, size):
        for order in orders:
            net.train()
            *parts, _ = order.split(size)
            for part in parts:
                optimizer.zero_grad()
                F.mse_loss(net(x[part]), y[part]).backward()
                optimizer.step()

    return fit, whole_error


@wrong("ex10.leftovers", "the mean of the batch means")
def leftovers_with_means_averaged():
    fit, _ = leftovers_by_counting_full_batches()

    def test_error(net, x, y, size):
        parts = list(zip(x.split(size), y.split(size), strict=True))
        return sum(whole_error(net, a, b, size) for a, b in parts) / len(parts)

    return fit, test_error


@wrong("ex10.leftovers", "the start of the epoch is skipped")
def leftovers_at_the_wrong_end():
    fit, test_error = leftovers_by_counting_full_batches()

    def late(net, optimizer, x, y, orders, size):
        fit(net, optimizer, x, y, [order[len(order) % size :] for order in orders], size)

    return late, test_error


# Beyond the report: what a first attempt may break, or miss.


@wrong("ex10.training", "batch statistics in eval mode")
def training_with_the_state_put_back():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        errors, step = [], 0
        net.train()
        for _ in range(epochs):
            for x, y in batches:
                optimizer.zero_grad()
                F.mse_loss(net(x), y).backward()
                optimizer.step()
                step += 1
                if step % every == 0:
                    kept = {name: value.clone() for name, value in net.state_dict().items()}
                    with torch.no_grad():
                        errors.append(F.mse_loss(net(x_val), y_val).item())
                    net.load_state_dict(kept)
        return errors

    return train


@wrong("ex10.training", "only the BN layers are in eval mode")
def training_with_dropout_in_validation():
    def train(net, optimizer, batches, x_val, y_val, epochs, every):
        errors, step = [], 0
        for _ in range(epochs):
            for x, y in batches:
                net.train()
                optimizer.zero_grad()
                F.mse_loss(net(x), y).backward()
                optimizer.step()
                step += 1
                if step % every == 0:
                    _ = [m.eval() for m in net if isinstance(m, nn.BatchNorm1d)]
                    with torch.no_grad():
                        errors.append(F.mse_loss(net(x_val), y_val).item())
        return errors

    return train


@wrong("ex10.prediction", "the parameters are left frozen")
def prediction_without_gradients_for_good():
    def predict(net, x, size):
        modes = {module: module.training for module in net.modules()}
        net.eval().requires_grad_(False)
        outputs = [net(part) for part in x.split(size)]
        for module, mode in modes.items():
            module.training = mode
        return torch.cat(outputs)

    return predict


@wrong("ex10.prediction", "only the outer layers get back their mode")
def prediction_with_the_children_alone():
    def predict(net, x, size):
        top, modes = net.training, [child.training for child in net]
        with torch.no_grad():
            out = torch.cat([net.eval()(part) for part in x.split(size)])
        net.train(top)
        for child, mode in zip(net, modes, strict=True):
            child.train(mode)
        return out

    return predict


@wrong("ex10.fine_tuning", "the parameters still learn")
def fine_tuning_with_an_attribute():
    def fine_tune(net, batches, epochs, rate):
        for layer in net[0]:
            layer.requires_grad = False
        optimizer = torch.optim.SGD(net.parameters(), lr=rate)
        for x, y in batches * epochs:
            net.train()
            net[0].eval()
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()

    return fine_tune


@wrong("ex10.fine_tuning", "the head keeps the mode in which it came")
def fine_tuning_without_train():
    def fine_tune(net, batches, epochs, rate):
        backbone, head = net
        backbone.eval()
        optimizer = torch.optim.SGD(head.parameters(), lr=rate)
        for x, y in batches * epochs:
            optimizer.zero_grad()
            F.mse_loss(head(backbone(x).detach()), y).backward()
            optimizer.step()

    return fine_tune


@wrong("ex10.layer", "batch statistics in eval mode")
def layer_without_modes():
    class BatchNorm(nn.Module):
        def __init__(self, channels, eps=1e-5, momentum=0.1):
            super().__init__()
            self.eps, self.momentum = eps, momentum
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))

        def forward(self, x):
            var, mu = torch.var_mean(x, dim=0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mu, self.momentum)
                self.running_var.lerp_(x.var(dim=0), self.momentum)
            return (x - mu) * torch.rsqrt(var + self.eps) * self.weight + self.bias

    return BatchNorm


@wrong("ex10.averaging", "γ and β are reset too")
def averaging_with_the_wrong_reset():
    average_right = averaging_by_a_running_count()

    def average(nets, batches):
        fresh = [copy.deepcopy(net) for net in nets]
        for net in fresh:
            for layer in net.modules():
                if isinstance(layer, nn.BatchNorm1d):
                    layer.reset_parameters()
        return average_right(fresh, batches)

    return average


@wrong("ex10.averaging", "all batches in one")
def averaging_with_one_large_batch():
    average_right = averaging_by_a_running_count()

    def average(nets, batches):
        return average_right(nets, [torch.cat(batches)])

    return average
