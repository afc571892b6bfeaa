"""The first bank: mistakes in all exercises but the letters, where all wrong answers are known.

Seven of those that were written turned out to be right, one to be the program as it was given:
they are gone.
"""

from tests.exercises.fresh import slips, values

STANDARDISE = """
def standardise(x):
    mean = x.mean(axis=0)
    std = x.std(axis=0)
    return (x - mean) / std
"""
STANDARDISE_WITH = """
def standardise_with(train, test):
    m = train.mean(axis=0)
    s = train.std(axis=0)
    train_hat = (train - m) / s
    test_hat = (test - m) / s
    return train_hat, test_hat
"""
VARIANCE = """
def variance(x):
    mu = x.mean(axis=0)
    return ((x - mu) ** 2).mean(axis=0)
"""
STATISTICS = """
def batch_statistics(x):
    axes = (0,) + tuple(range(2, x.ndim))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    return mu, var
"""
FORWARD = """
def batch_norm(x, gamma, beta, eps):
    axes = (0,) + tuple(range(2, x.ndim))
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    g = gamma.reshape(shape)
    b = beta.reshape(shape)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return g * x_hat + b
"""
UNDO = """
def undo(x, eps):
    axes = (0,) + tuple(range(2, x.ndim))
    mu = x.mean(axis=axes)
    var = x.var(axis=axes)
    gamma = np.sqrt(var + eps)
    beta = mu
    return gamma, beta
"""
PARAMETERS = """
def parameter_gradients(dy, x_hat):
    axes = (0,) + tuple(range(2, dy.ndim))
    dgamma = (dy * x_hat).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    return dgamma, dbeta
"""
NUMERICAL = """
def numerical_gradient(f, x, h):
    x = np.array(x, dtype=float)
    grad = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        x[i] = old
        grad[i] = (up - down) / (2 * h)
    return grad
"""
GRAPH = """
def backward_graph(dy, x, gamma, eps):
    n = len(x)
    mu = x.mean(0)
    c = x - mu
    var = (c ** 2).mean(0)
    r = 1 / np.sqrt(var + eps)
    dx_hat = dy * gamma
    dvar = (dx_hat * c).sum(0) * (-0.5) * r ** 3
    dmu = -(dx_hat * r).sum(0)
    dx = dx_hat * r + dvar * 2 * c / n + dmu / n
    return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}
"""
CLOSED = """
def batch_norm_backward(dy, x, gamma, eps):
    axes = (0,) + tuple(range(2, x.ndim))
    n = x.size / x.shape[1]
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mu = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    std = np.sqrt(var + eps)
    x_hat = (x - mu) / std
    dgamma = (dy * x_hat).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    inner = dy - dbeta.reshape(shape) / n - x_hat * dgamma.reshape(shape) / n
    dx = gamma.reshape(shape) / std * inner
    return dx, dgamma, dbeta
"""
EVALUATION = """
def eval_backward(dy, x, running_mean, running_var, gamma, eps):
    axes = (0,) + tuple(range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    std = np.sqrt(running_var + eps).reshape(shape)
    x_hat = (x - running_mean.reshape(shape)) / std
    dgamma = (dy * x_hat).sum(axis=axes)
    dbeta = dy.sum(axis=axes)
    dx = dy * gamma.reshape(shape) / std
    return dx, dgamma, dbeta
"""
UPDATE = """
def update_running(running, batch, momentum):
    new = (1 - momentum) * running + momentum * batch
    return new
"""
RUNNING = """
def running_statistics(batches, momentum):
    channels = batches[0].shape[1]
    mean = np.zeros(channels)
    var = np.ones(channels)
    for x in batches:
        mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
        var = (1 - momentum) * var + momentum * x.var(axis=0, ddof=1)
    return mean, var
"""
LAYER = """
class TrainBatchNorm:
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps = eps
        self.momentum = momentum
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)

    def forward(self, x):
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        shape = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        mu = x.mean(axis=axes)
        var = x.var(axis=axes)
        n = x.size / x.shape[1]
        m = self.momentum
        self.running_mean = (1 - m) * self.running_mean + m * mu
        self.running_var = (1 - m) * self.running_var + m * var * n / (n - 1)
        x_hat = (x - mu.reshape(shape)) / np.sqrt(var.reshape(shape) + self.eps)
        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)
"""
MODES = """
class BatchNorm:
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps = eps
        self.momentum = momentum
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.training = True

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def forward(self, x):
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        shape = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        if self.training:
            mu = x.mean(axis=axes)
            var = x.var(axis=axes)
            n = x.size / x.shape[1]
            m = self.momentum
            self.running_mean = (1 - m) * self.running_mean + m * mu
            self.running_var = (1 - m) * self.running_var + m * var * n / (n - 1)
        else:
            mu = self.running_mean
            var = self.running_var
        x_hat = (x - mu.reshape(shape)) / np.sqrt(var.reshape(shape) + self.eps)
        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)
"""
AVERAGE = """
def average_running(batches):
    means = [x.mean(axis=0) for x in batches]
    variances = [x.var(axis=0, ddof=1) for x in batches]
    mean = np.mean(means, axis=0)
    var = np.mean(variances, axis=0)
    return mean, var
"""
MODULE = """
class BatchNorm(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x):
        dims = [0] if x.dim() == 2 else [0, 2, 3]
        shape = (1, -1) if x.dim() == 2 else (1, -1, 1, 1)
        if self.training:
            mu = x.mean(dim=dims)
            var = x.var(dim=dims, unbiased=False)
            n = x.numel() / x.size(1)
            m = self.momentum
            with torch.no_grad():
                self.running_mean.copy_((1 - m) * self.running_mean + m * mu)
                self.running_var.copy_((1 - m) * self.running_var + m * var * n / (n - 1))
                self.num_batches_tracked += 1
        else:
            mu = self.running_mean
            var = self.running_var
        x_hat = (x - mu.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return self.weight.view(shape) * x_hat + self.bias.view(shape)
"""
TRAIN = """
def train_one_epoch(model, batches, optimizer, loss_function):
    model.train()
    total = 0.0
    count = 0
    for x, y in batches:
        optimizer.zero_grad()
        logits = model(x).squeeze(1)
        loss = loss_function(logits, y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count
"""
EVALUATE = """
def evaluate(model, batches, loss_function):
    modes = [(m, m.training) for m in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in batches:
            logits = model(x).squeeze(1)
            total += loss_function(logits, y).item() * len(y)
            right += ((logits > 0) == (y > 0.5)).sum().item()
            count += len(y)
    for m, mode in modes:
        m.training = mode
    return total / count, right / count
"""
FREEZE = """
def freeze(model):
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    for layer in model.modules():
        if isinstance(layer, kinds):
            layer.eval()
            layer.weight.requires_grad_(False)
            layer.bias.requires_grad_(False)
            layer.train = lambda mode=True, layer=layer: layer
"""
BLOCK = """
def block(in_channels, out_channels, order):
    if order == "before":
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    return nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(out_channels))
"""
RESIDUAL = """
class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h))
        return torch.relu(x + h)
"""
FOLD = """
def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
    if bias is None:
        bias = np.zeros(len(gamma))
    scale = gamma / np.sqrt(running_var + eps)
    new_weight = weight * scale.reshape((-1,) + (1,) * (weight.ndim - 1))
    new_bias = (bias - running_mean) * scale + beta
    return new_weight, new_bias
"""
STEPS = """
def steps_to_reach(losses, target):
    for i, loss in enumerate(losses):
        if loss <= target:
            return i + 1
    return None
"""
COMPARE = """
def compare(plain, bn, rates, worst):
    plain = np.where(np.isnan(plain), worst, plain).mean(axis=1)
    bn = np.where(np.isnan(bn), worst, bn).mean(axis=1)
    i = plain.argmin()
    j = bn.argmin()
    return rates[i], rates[j], plain[i] - bn[j]
"""
OTHERS = """
def judged_losses(losses, worst):
    filled = np.where(np.isnan(losses), worst, losses)
    result = []
    for j in range(filled.shape[1]):
        rest = np.delete(filled, j, axis=1)
        best = rest.mean(axis=1).argmin()
        result.append(filled[best, j])
    return np.array(result)
"""
INTERVAL = """
def paired_interval(a, b, t):
    d = np.asarray(a) - np.asarray(b)
    mean = d.mean()
    s = d.std(ddof=1)
    half = t * s / np.sqrt(len(d))
    return mean, mean - half, mean + half
"""
VERDICT = """
def verdict(low, high, bound):
    if low > bound:
        return "supported"
    if high <= bound:
        return "not supported"
    return "inconclusive"
"""
EFFECTIVE = """
def effective_rate(rate, weight):
    return rate / np.sum(weight ** 2)
"""
BATCHES = """
def make_batches(n, batch_size):
    if n < 2 or batch_size < 2:
        raise ValueError("need at least 2")
    batches = [list(range(i, min(i + batch_size, n))) for i in range(0, n, batch_size)]
    if len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches
"""
GHOSTS = """
def ghost_batch_norm(x, gamma, beta, eps, ghost):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    axes = (0,) + tuple(range(2, x.ndim))
    parts = []
    for i in range(0, len(x), ghost):
        part = x[i:i + ghost]
        mu = part.mean(axis=axes, keepdims=True)
        var = part.var(axis=axes, keepdims=True)
        parts.append((part - mu) / np.sqrt(var + eps))
    x_hat = np.concatenate(parts)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)
"""
COMBINE = """
def combine(n1, mean1, var1, n2, mean2, var2):
    n = n1 + n2
    mean = (n1 * mean1 + n2 * mean2) / n
    within = (n1 * var1 + n2 * var2) / n
    between = (n1 * (mean1 - mean) ** 2 + n2 * (mean2 - mean) ** 2) / n
    return mean, within + between
"""
REESTIMATE = """
def reestimate(model, batches):
    modes = [(m, m.training) for m in model.modules()]
    layers = [m for m in model.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    momenta = [m.momentum for m in layers]
    model.eval()
    for m in layers:
        m.reset_running_stats()
        m.momentum = None
        m.train()
    with torch.no_grad():
        for x in batches:
            model(x)
    for m, momentum in zip(layers, momenta):
        m.momentum = momentum
    for m, mode in modes:
        m.training = mode
"""
TRAINING = """
def validate(net, x_val, y_val):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    with torch.no_grad():
        error = nn.functional.mse_loss(net(x_val), y_val)
    for m, mode in modes:
        m.training = mode
    return error.item()


def train(net, optimizer, batches, x_val, y_val, epochs, every):
    errors = []
    step = 0
    for _ in range(epochs):
        for x, y in batches:
            net.train()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            step += 1
            if step % every == 0:
                errors.append(validate(net, x_val, y_val))
    return errors
"""
PREDICTION = """
def predict(net, x, size):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    outputs = []
    with torch.no_grad():
        for part in x.split(size):
            outputs.append(net(part))
    for m, mode in modes:
        m.training = mode
    return torch.cat(outputs)
"""
FINE_TUNING = """
def fine_tune(net, batches, epochs, rate):
    backbone = net[0]
    backbone.requires_grad_(False)
    learning = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=rate)
    for _ in range(epochs):
        net.train()
        backbone.eval()
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
"""
MEMORY = """
class BatchNorm(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def blend(self, old, new):
        return (1 - self.momentum) * old + self.momentum * new.detach()

    def forward(self, x):
        mu = self.running_mean
        var = self.running_var
        if self.training:
            n = len(x)
            mu = x.mean(dim=0)
            var = x.var(dim=0, correction=0)
            self.running_mean = self.blend(self.running_mean, mu)
            self.running_var = self.blend(self.running_var, var * n / (n - 1))
        x_hat = (x - mu) / torch.sqrt(var + self.eps)
        return self.weight * x_hat + self.bias
"""
AVERAGING = """
def average(nets, batches):
    states = [net.state_dict() for net in nets]
    averaged = copy.deepcopy(nets[0])
    layers = [m for m in averaged.modules() if isinstance(m, nn.BatchNorm1d)]
    momenta = [m.momentum for m in layers]
    for m in layers:
        m.reset_running_stats()
        m.momentum = None
    with torch.no_grad():
        for name, own in averaged.named_parameters():
            own.copy_(torch.stack([state[name] for state in states]).mean(0))
        averaged.train()
        for x in batches:
            averaged(x)
    for m, momentum in zip(layers, momenta):
        m.momentum = momentum
    return averaged.eval()
"""
LEFTOVERS = """
def cut(order, size):
    return list(order.split(size))


def fit(net, optimizer, x, y, orders, size):
    for order in orders:
        net.train()
        for part in cut(order, size):
            if len(part) < size:
                continue
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x[part]), y[part])
            loss.backward()
            optimizer.step()


def test_error(net, x, y, size):
    net.eval()
    total = 0.0
    seen = 0
    with torch.no_grad():
        for part in cut(torch.arange(len(x)), size):
            total += ((net(x[part]) - y[part]) ** 2).sum().item()
            seen += len(part)
    return total / seen
"""
NORMALISE = """
def normalise(x, axes, eps):
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)
"""
AXES = """
def axes_of(kind, ndim):
    positions = tuple(range(2, ndim))
    if kind == "batch":
        return (0,) + positions
    if kind == "layer":
        return (1,) + positions
    if not positions:
        raise ValueError("instance norm needs positions")
    return positions
"""
GROUPS = """
def group_norm(x, groups, gamma, beta, eps):
    n, c = x.shape[:2]
    shape = (1, -1) + (1,) * (x.ndim - 2)
    sets = x.reshape(n, groups, -1)
    mu = sets.mean(axis=2, keepdims=True)
    var = sets.var(axis=2, keepdims=True)
    x_hat = ((sets - mu) / np.sqrt(var + eps)).reshape(x.shape)
    return x_hat * gamma.reshape(shape) + beta.reshape(shape)
"""
TOKENS = """
def layer_norm_nlc(x, gamma, beta, eps):
    mu = x.mean(axis=2, keepdims=True)
    var = x.var(axis=2, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + eps) + beta
"""
SEQUENCES = """
def batch_norm_nlc(x, gamma, beta, eps):
    mu = x.mean(axis=(0, 1))
    var = x.var(axis=(0, 1))
    return gamma * (x - mu) / np.sqrt(var + eps) + beta
"""

WRONG = (
    *slips(
        "ex02.standardise",
        STANDARDISE,
        rows_in_place_of_columns=("(x - mean) / std", "((x.T - x.mean(1)) / x.std(1)).T"),
        one_mean_for_everything=("x.mean(axis=0)", "x.mean()"),
        one_spread_for_everything=("x.std(axis=0)", "x.std()"),
        divided_by_the_variance=("x.std(axis=0)", "x.var(axis=0)"),
        divided_by_the_maximum=("x.std(axis=0)", "np.abs(x).max(axis=0)"),
        the_sample_deviation=("x.std(axis=0)", "x.std(axis=0, ddof=1)"),
        brackets_forgotten=("(x - mean) / std", "x - mean / std"),
        only_centred=("(x - mean) / std", "x - mean"),
        median_for_mean=("x.mean(axis=0)", "np.median(x, axis=0)"),
        printed_not_returned=("return (x - mean) / std", "print((x - mean) / std)"),
        in_place=("return (x - mean) / std", "x -= mean\n    x /= std\n    return x"),
    ),
    *slips(
        "ex02.standardise_with",
        STANDARDISE_WITH,
        test_by_its_own=("(test - m) / s", "(test - test.mean(axis=0)) / test.std(axis=0)"),
        test_by_its_own_mean=("(test - m) / s", "(test - test.mean(axis=0)) / s"),
        of_both_together=(
            "m = train.mean(axis=0)",
            "train_test = np.concatenate([train, test])\n    m = train_test.mean(axis=0)",
        ),
        test_left_as_it_is=("(test - m) / s", "test"),
        swapped=("return train_hat, test_hat", "return test_hat, train_hat"),
        the_standardised_ones_statistics=(
            "(test - m) / s",
            "(test - train_hat.mean(axis=0)) / train_hat.std(axis=0)",
        ),
        one_mean=("train.mean(axis=0)", "train.mean()"),
    ),
    *slips(
        "ex02.variance",
        VARIANCE,
        mean_of_squares=("((x - mu) ** 2).mean(axis=0)", "(x ** 2).mean(axis=0) - mu ** 2"),
        absolute_deviation=("((x - mu) ** 2)", "np.abs(x - mu)"),
        the_root=(
            "return ((x - mu) ** 2).mean(axis=0)",
            "return np.sqrt(((x - mu) ** 2).mean(axis=0))",
        ),
        summed=("((x - mu) ** 2).mean(axis=0)", "((x - mu) ** 2).sum(axis=0)"),
        by_n_minus_1=("((x - mu) ** 2).mean(axis=0)", "((x - mu) ** 2).sum(axis=0) / (len(x) - 1)"),
        squared_mean_deviation=("((x - mu) ** 2).mean(axis=0)", "(x - mu).mean(axis=0) ** 2"),
        in_double=("x.mean(axis=0)", "x.astype(np.float64).mean(axis=0)"),
    ),
    *values("ex02.remaining", 0.0156, 0.177, 0.000977, 32, 3.125, 0.5, 0.0625),
    *values("ex02.after_relu", 0.5, 0.4, 0.548, 0.341, 0.25, 1, 0.2, 0.45),
    *values("ex03.n", 16, 30, 3840, 240, 128, 80, 8, 96),
    *slips(
        "ex03.statistics",
        STATISTICS,
        examples_alone=("(0,) + tuple(range(2, x.ndim))", "0"),
        positions_alone=("(0,) + tuple(range(2, x.ndim))", "tuple(range(2, x.ndim)) or 0"),
        everything=("(0,) + tuple(range(2, x.ndim))", "None"),
        channels_too=("(0,) + tuple(range(2, x.ndim))", "tuple(range(1, x.ndim))"),
        last_axis_is_the_channel=("(0,) + tuple(range(2, x.ndim))", "tuple(range(x.ndim - 1))"),
        standard_deviation=("x.var(axis=axes)", "x.std(axis=axes)"),
        sample_variance=("x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),
        mean_of_squares=("x.var(axis=axes)", "(x ** 2).mean(axis=axes)"),
        squares_minus_square=("x.var(axis=axes)", "(x ** 2).mean(axis=axes) - mu ** 2"),
        kept_axes=("x.mean(axis=axes)", "x.mean(axis=axes, keepdims=True)"),
        swapped=("return mu, var", "return var, mu"),
        mean_of_means=("x.var(axis=axes)", "x.var(axis=0).reshape(x.shape[1], -1).mean(1)"),
        list_of_two=("return mu, var", "return mu"),
    ),
    *slips(
        "ex03.forward",
        FORWARD,
        eps_added_to_sigma=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
        no_eps=("np.sqrt(var + eps)", "np.sqrt(var)"),
        eps_squared=("np.sqrt(var + eps)", "np.sqrt(var + eps ** 2)"),
        by_the_variance=("np.sqrt(var + eps)", "(var + eps)"),
        beta_first=("g * x_hat + b", "g * (x_hat + b)"),
        beta_subtracted=("g * x_hat + b", "g * x_hat - b"),
        gamma_forgotten=("g * x_hat + b", "x_hat + b"),
        gamma_and_beta_swapped=("g * x_hat + b", "b * x_hat + g"),
        gamma_on_the_last_axis=(
            "gamma.reshape(shape)",
            "gamma[:x.shape[-1]] if x.ndim > 2 and x.shape[-1] <= len(gamma) else gamma.reshape(shape)",
        ),
        of_the_examples_alone=("axes = (0,) + tuple(range(2, x.ndim))", "axes = (0,)"),
        layer_norm=("axes = (0,) + tuple(range(2, x.ndim))", "axes = tuple(range(1, x.ndim))"),
        sample_variance=(
            "x.var(axis=axes, keepdims=True)",
            "x.var(axis=axes, keepdims=True, ddof=1)",
        ),
        not_centred=("(x - mu) / np", "x / np"),
        root_of_mean_square=(
            "x.var(axis=axes, keepdims=True)",
            "(x ** 2).mean(axis=axes, keepdims=True)",
        ),
        absolute_deviation=(
            "np.sqrt(var + eps)",
            "(np.abs(x - mu).mean(axis=axes, keepdims=True) + eps)",
        ),
        fixed_eps=("var + eps", "var + 1e-5"),
        rounded=("return g * x_hat + b", "return np.round(g * x_hat + b, 2)"),
        clipped=("return g * x_hat + b", "return g * np.clip(x_hat, -2, 2) + b"),
        half_precision=("return g * x_hat + b", "return (g * x_hat + b).astype(np.float32)"),
        twice=(
            "return g * x_hat + b",
            "y = g * x_hat + b\n    return g * (y - y.mean(axis=axes, keepdims=True)) / np.sqrt(y.var(axis=axes, keepdims=True) + eps) + b",
        ),
    ),
    *values("ex03.spread", 1, 0.99, 0.0909, 3.32, 30.2, 0.001, 0.1, 0.953),
    *slips(
        "ex03.undo",
        UNDO,
        no_eps=("np.sqrt(var + eps)", "np.sqrt(var)"),
        eps_outside=("np.sqrt(var + eps)", "np.sqrt(var) + eps"),
        variance=("np.sqrt(var + eps)", "var + eps"),
        inverse=("np.sqrt(var + eps)", "1 / np.sqrt(var + eps)"),
        minus_the_mean=("beta = mu", "beta = -mu"),
        mean_over_sigma=("beta = mu", "beta = mu / np.sqrt(var + eps)"),
        zero=("beta = mu", "beta = np.zeros_like(mu)"),
        of_the_examples=(
            "axes = (0,) + tuple(range(2, x.ndim))",
            "axes = 0 if x.ndim == 2 else (0, 2)",
        ),
        swapped=("return gamma, beta", "return beta, gamma"),
    ),
    *slips(
        "ex04.parameters",
        PARAMETERS,
        means=("dy.sum(axis=axes)", "dy.mean(axis=axes)"),
        gamma_by_a_mean=("(dy * x_hat).sum(axis=axes)", "(dy * x_hat).mean(axis=axes)"),
        of_the_examples_alone=("(0,) + tuple(range(2, dy.ndim))", "0"),
        swapped=("return dgamma, dbeta", "return dbeta, dgamma"),
        product_of_sums=("(dy * x_hat).sum(axis=axes)", "dy.sum(axis=axes) * x_hat.sum(axis=axes)"),
        x_hat_alone=("(dy * x_hat).sum(axis=axes)", "x_hat.sum(axis=axes)"),
        not_summed=("(dy * x_hat).sum(axis=axes)", "dy * x_hat"),
        beta_is_ones=("dy.sum(axis=axes)", "np.ones(dy.shape[1])"),
        minus=("(dy * x_hat).sum(axis=axes)", "-(dy * x_hat).sum(axis=axes)"),
    ),
    *slips(
        "ex04.numerical",
        NUMERICAL,
        one_sided=("(up - down) / (2 * h)", "(up - f(x)) / h"),
        two_forgotten=("/ (2 * h)", "/ h"),
        times_h=("/ (2 * h)", "/ 2 * h"),
        other_way_round=("(up - down)", "(down - up)"),
        own_step=("old = x[i]", "old, h = x[i], 1e-5"),
        not_put_back=("        x[i] = old\n", ""),
        all_at_once=("        x[i] = old + h\n        up = f(x)", "        up = f(x + h)"),
        whole_numbers=("np.array(x, dtype=float)", "np.array(x)"),
        first_axis_alone=("np.ndindex(x.shape)", "range(len(x))"),
        writes_into_x=("    x = np.array(x, dtype=float)\n", "    x += 0\n"),
    ),
    *slips(
        "ex04.graph",
        GRAPH,
        gamma_forgotten=("dx_hat = dy * gamma", "dx_hat = dy"),
        r_not_cubed=("r ** 3", "r ** 2"),
        plus_half=("(-0.5)", "0.5"),
        half_forgotten=(" * (-0.5)", " * (-1)"),
        mean_in_dvar=("(dx_hat * c).sum(0)", "(dx_hat * c).mean(0)"),
        x_for_c=("(dx_hat * c).sum(0)", "(dx_hat * x).sum(0)"),
        dmu_by_n=("-(dx_hat * r).sum(0)", "-(dx_hat * r).mean(0)"),
        dmu_plus=("-(dx_hat * r).sum(0)", "(dx_hat * r).sum(0)"),
        no_path_through_mu=(" + dmu / n", ""),
        no_path_through_var=(" + dvar * 2 * c / n", ""),
        two_forgotten=("dvar * 2 * c / n", "dvar * c / n"),
        n_forgotten=("dvar * 2 * c / n", "dvar * 2 * c"),
        n_minus_1=("dvar * 2 * c / n", "dvar * 2 * c / (n - 1)"),
        sample_variance=("(c ** 2).mean(0)", "(c ** 2).sum(0) / (n - 1)"),
        eps_outside=("1 / np.sqrt(var + eps)", "1 / (np.sqrt(var) + eps)"),
        dx_hat_by_r=("dx = dx_hat * r +", "dx = dx_hat / r +"),
        names_in_capitals=('"dx_hat": dx_hat', '"dxhat": dx_hat'),
        a_tuple=(
            'return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}',
            "return dx_hat, dvar, dmu, dx",
        ),
    ),
    *slips(
        "ex04.closed",
        CLOSED,
        n_is_the_batch=("x.size / x.shape[1]", "len(x)"),
        gamma_forgotten=("gamma.reshape(shape) / std * inner", "inner / std"),
        without_the_root=(
            "gamma.reshape(shape) / std * inner",
            "gamma.reshape(shape) / std ** 2 * inner",
        ),
        times_std=("gamma.reshape(shape) / std * inner", "gamma.reshape(shape) * std * inner"),
        beta_kept=("dy - dbeta.reshape(shape) / n - x_hat", "dy - x_hat"),
        gamma_kept=(" - x_hat * dgamma.reshape(shape) / n", ""),
        plus=("- x_hat * dgamma", "+ x_hat * dgamma"),
        x_for_x_hat=("- x_hat * dgamma", "- x * dgamma"),
        n_once=("dy - dbeta.reshape(shape) / n -", "dy - dbeta.reshape(shape) -"),
        dgamma_of_the_scaled=(
            "(dy * x_hat).sum(axis=axes)",
            "(dy * x_hat * gamma.reshape(shape)).sum(axis=axes)",
        ),
        sample_variance=(
            "x.var(axis=axes, keepdims=True)",
            "x.var(axis=axes, keepdims=True, ddof=1)",
        ),
        eps_forgotten=("np.sqrt(var + eps)", "np.sqrt(var)"),
        order=("return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),
        per_example_sums=("dy.sum(axis=axes)", "dy.sum(axis=0)"),
    ),
    *slips(
        "ex04.evaluation",
        EVALUATION,
        train_mode=(
            "dx = dy * gamma.reshape(shape) / std",
            "dx = gamma.reshape(shape) / std * (dy - dy.mean(axis=axes, keepdims=True) - x_hat * (dy * x_hat).mean(axis=axes, keepdims=True))",
        ),
        batch_statistics=(
            "x - running_mean.reshape(shape)",
            "x - x.mean(axis=axes, keepdims=True)",
        ),
        gamma_forgotten=("dy * gamma.reshape(shape) / std", "dy / std"),
        without_eps=("np.sqrt(running_var + eps)", "np.sqrt(running_var)"),
        without_root=("np.sqrt(running_var + eps)", "(running_var + eps)"),
        x_for_x_hat=("(dy * x_hat).sum", "(dy * x).sum"),
        means=("dbeta = dy.sum(axis=axes)", "dbeta = dy.mean(axis=axes)"),
        mean_subtracted=(
            "dx = dy * gamma",
            "dx = (dy - dy.mean(axis=axes, keepdims=True)) * gamma",
        ),
    ),
    *slips(
        "ex05.update",
        UPDATE,
        of_the_old=(
            "(1 - momentum) * running + momentum * batch",
            "momentum * running + (1 - momentum) * batch",
        ),
        old_kept_whole=("(1 - momentum) * running + ", "running + "),
        new_alone=("(1 - momentum) * running + momentum * batch", "batch"),
        average=("(1 - momentum) * running + momentum * batch", "(running + batch) / 2"),
        in_place=(
            "new = (1 - momentum) * running + momentum * batch",
            "new = running\n    new *= 1 - momentum\n    new += momentum * batch",
        ),
        minus=("+ momentum * batch", "- momentum * batch"),
        whole_array=("    return new", "    return new.mean()"),
        into_the_batch=(
            "new = (1 - momentum) * running + momentum * batch",
            "batch *= momentum\n    new = batch + (1 - momentum) * running",
        ),
    ),
    *values("ex05.arrived", 0.349, 1.0, 0.613, 0.686, 65.1, 0.1, -0.651, 0.5),
    *values("ex05.needed", 43, 45, 100, 459, 22, 43.7, 99, 10),
    *slips(
        "ex05.running",
        RUNNING,
        biased=("x.var(axis=0, ddof=1)", "x.var(axis=0)"),
        starts_at_zero=("np.ones(channels)", "np.zeros(channels)"),
        starts_with_the_first=("np.zeros(channels)", "batches[0].mean(axis=0)"),
        of_the_old=(
            "(1 - momentum) * mean + momentum * x.mean(axis=0)",
            "momentum * mean + (1 - momentum) * x.mean(axis=0)",
        ),
        standard_deviation=("x.var(axis=0, ddof=1)", "x.std(axis=0, ddof=1)"),
        nearly_unbiased=("x.var(axis=0, ddof=1)", "x.var(axis=0) * len(x) / (len(x) - 1 + 1e-5)"),
        last_n_for_all=(
            "x.var(axis=0, ddof=1)",
            "x.var(axis=0) * len(batches[0]) / (len(batches[0]) - 1)",
        ),
        around_the_running_mean=(
            "x.var(axis=0, ddof=1)",
            "((x - mean) ** 2).sum(axis=0) / (len(x) - 1)",
        ),
        first_left_out=("for x in batches:", "for x in batches[1:]:"),
        last_alone=("for x in batches:", "for x in batches[-1:]:"),
        pooled=("for x in batches:", "for x in [np.concatenate(batches)]:"),
        one_variance=("x.var(axis=0, ddof=1)", "x.var(ddof=1)"),
    ),
    *slips(
        "ex05.layer",
        LAYER,
        normalises_by_the_running=(
            "(x - mu.reshape(shape))",
            "(x - self.running_mean.reshape(shape))",
        ),
        unbiased_in_both=(
            "var = x.var(axis=axes)",
            "var = x.var(axis=axes) * x.shape[0] / (x.shape[0] - 1)",
        ),
        biased_kept=(" * n / (n - 1)", ""),
        n_is_the_batch=("n = x.size / x.shape[1]", "n = len(x)"),
        momentum_of_the_old=(
            "(1 - m) * self.running_mean + m * mu",
            "m * self.running_mean + (1 - m) * mu",
        ),
        fixed_momentum=("m = self.momentum", "m = 0.1"),
        fixed_eps=("+ self.eps", "+ 1e-5"),
        eps_forgotten=(" + self.eps", ""),
        gamma_starts_at_zero=("self.gamma = np.ones", "self.gamma = np.zeros"),
        running_var_starts_at_zero=("self.running_var = np.ones", "self.running_var = np.zeros"),
        statistics_not_kept=("self.running_mean = (1 - m)", "running_mean = (1 - m)"),
        gamma_forgotten=("self.gamma.reshape(shape) * x_hat", "x_hat"),
        one_axis_for_images=("(0, 2, 3)", "(0,)"),
        forward_named_otherwise=("def forward(self, x)", "def __call__(self, x)"),
        nothing_returned=("return self.gamma", "y = self.gamma"),
        cumulative=(
            "m = self.momentum",
            "self.seen = getattr(self, 'seen', 0) + 1\n        m = 1 / self.seen",
        ),
        moved_twice=(
            "x_hat = (x",
            "self.running_mean = (1 - m) * self.running_mean + m * mu\n        x_hat = (x",
        ),
    ),
    *slips(
        "ex05.modes",
        MODES,
        starts_in_eval=(
            "self.running_var = np.ones(num_features)\n        self.training = True",
            "self.running_var = np.ones(num_features)\n        self.training = False",
        ),
        eval_does_nothing=(
            "    def eval(self):\n        self.training = False",
            "    def eval(self):\n        self.training = self.training",
        ),
        train_does_nothing=(
            "    def train(self):\n        self.training = True",
            "    def train(self):\n        pass",
        ),
        modes_exchanged=("if self.training:", "if not self.training:"),
        unbiased_in_eval=(
            "var = self.running_var\n",
            "var = self.running_var * len(x) / max(len(x) - 1, 1)\n",
        ),
        mean_alone_in_eval=(
            "            var = self.running_var\n",
            "            var = x.var(axis=axes)\n",
        ),
        own_mean_in_eval=(
            "            mu = self.running_mean\n",
            "            mu = x.mean(axis=axes)\n",
        ),
        moves_in_eval=(
            "            mu = self.running_mean\n",
            "            self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean(axis=axes)\n            mu = self.running_mean\n",
        ),
        no_gamma_in_eval=(
            "        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)",
            "        if not self.training:\n            return x_hat\n        return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)",
        ),
        no_eps_in_eval=(
            "np.sqrt(var.reshape(shape) + self.eps)",
            "np.sqrt(var.reshape(shape) + (self.eps if self.training else 0))",
        ),
        forward_trains=(
            "    def forward(self, x):\n",
            "    def forward(self, x):\n        self.training = True\n",
        ),
    ),
    *slips(
        "ex05.average",
        AVERAGE,
        biased=("x.var(axis=0, ddof=1)", "x.var(axis=0)"),
        by_size=("np.mean(means, axis=0)", "np.concatenate(batches).mean(axis=0)"),
        variance_of_all=(
            "np.mean(variances, axis=0)",
            "np.concatenate(batches).var(axis=0, ddof=1)",
        ),
        with_the_start=("np.mean(means, axis=0)", "np.sum(means, axis=0) / (len(means) + 1)"),
        ema=(
            "mean = np.mean(means, axis=0)",
            "mean = np.zeros_like(means[0])\n    for m in means:\n        mean = 0.9 * mean + 0.1 * m",
        ),
        variance_of_means=("np.mean(variances, axis=0)", "np.var(means, axis=0, ddof=1)"),
        summed=("np.mean(means, axis=0)", "np.sum(means, axis=0)"),
        all_channels=("np.mean(means, axis=0)", "np.mean(means)"),
        last=("np.mean(means, axis=0)", "means[-1]"),
        mean_of_deviations=(
            "np.mean(variances, axis=0)",
            "np.mean([np.sqrt(v) for v in variances], axis=0) ** 2",
        ),
    ),
    *slips(
        "ex06.layer",
        MODULE,
        statistics_as_attributes=(
            'self.register_buffer("running_mean", torch.zeros(num_features))',
            "self.running_mean = torch.zeros(num_features)",
        ),
        statistics_as_parameters=(
            'self.register_buffer("running_var", torch.ones(num_features))',
            "self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)",
        ),
        no_counter=(
            '        self.register_buffer("num_batches_tracked", torch.tensor(0))\n',
            "        self.num_batches_tracked = 0\n",
        ),
        counter_stays=("                self.num_batches_tracked += 1\n", ""),
        super_forgotten=("        super().__init__()\n", ""),
        graph_kept=(
            "            with torch.no_grad():\n                self.running_mean.copy_((1 - m) * self.running_mean + m * mu)",
            "            self.running_mean = (1 - m) * self.running_mean + m * mu\n            with torch.no_grad():\n                pass",
        ),
        detached=("mu = x.mean(dim=dims)", "mu = x.mean(dim=dims).detach()"),
        unbiased=("unbiased=False", "unbiased=True"),
        biased_kept=(" * n / (n - 1)", ""),
        n_is_the_batch=("x.numel() / x.size(1)", "x.size(0)"),
        no_grad_stops=(
            "        if self.training:\n",
            "        if self.training and torch.is_grad_enabled():\n",
        ),
        weight_is_random=(
            "nn.Parameter(torch.ones(num_features))",
            "nn.Parameter(torch.randn(num_features))",
        ),
        gamma_named_gamma=(
            "self.weight = nn.Parameter",
            "self.gamma = self.weight_ = nn.Parameter",
        ),
        momentum_of_the_old=(
            "(1 - m) * self.running_mean + m * mu",
            "m * self.running_mean + (1 - m) * mu",
        ),
        positions_alone=("[0, 2, 3]", "[2, 3]"),
        bias_forgotten=(" + self.bias.view(shape)", ""),
        eps_forgotten=(" + self.eps", ""),
        whole_numbers=(
            'torch.zeros(num_features))\n        self.register_buffer("running_var"',
            'torch.zeros(num_features, dtype=torch.long))\n        self.register_buffer("running_var"',
        ),
        eval_by_the_batch=(
            "            mu = self.running_mean\n",
            "            mu = x.mean(dim=dims)\n",
        ),
        always_training=("        if self.training:\n", "        if True:\n"),
        not_persistent=(
            'torch.ones(num_features))\n        self.register_buffer("num',
            'torch.ones(num_features), persistent=False)\n        self.register_buffer("num',
        ),
    ),
    *values("ex06.learned", 8, 32, 33, 12544, 2, 784),
    *values("ex06.stored", 32, 16, 17, 5, 40, 24),
    *slips(
        "ex06.train",
        TRAIN,
        no_train=("    model.train()\n", ""),
        no_zero_grad=("        optimizer.zero_grad()\n", ""),
        zero_after_backward=(
            "        loss.backward()\n",
            "        loss.backward()\n        optimizer.zero_grad()\n",
        ),
        no_step=("        optimizer.step()\n", ""),
        no_backward=("        loss.backward()\n", ""),
        mean_of_batches=(
            "loss.item() * len(y)\n        count += len(y)",
            "loss.item()\n        count += 1",
        ),
        summed=("return total / count", "return total"),
        last_loss=("return total / count", "return loss.item()"),
        a_tensor=("loss.item() * len(y)", "loss * len(y)"),
        not_squeezed=("model(x).squeeze(1)", "model(x)"),
        eval_mode=("    model.train()\n", "    model.eval()\n"),
        loss_after_the_step=(
            "total += loss.item()",
            "total += loss_function(model(x).squeeze(1), y).item()",
        ),
        one_step_for_all=("        optimizer.step()\n        total", "        total"),
        sigmoid_first=("model(x).squeeze(1)", "torch.sigmoid(model(x)).squeeze(1)"),
        left_in_eval=("    return total / count", "    model.eval()\n    return total / count"),
    ),
    *slips(
        "ex06.evaluate",
        EVALUATE,
        no_eval=("    model.eval()\n", ""),
        train_mode=("    model.eval()\n", "    model.train()\n"),
        all_set_to_train=(
            "    for m, mode in modes:\n        m.training = mode\n",
            "    model.train()\n",
        ),
        left_in_eval=("    for m, mode in modes:\n        m.training = mode\n", ""),
        the_models_mode=(
            "    for m, mode in modes:\n        m.training = mode\n",
            "    model.train(modes[0][1])\n",
        ),
        gradients_recorded=("with torch.no_grad():", "if True:"),
        grad_switched_off=("with torch.no_grad():", "torch.set_grad_enabled(False)\n    if True:"),
        parameters_frozen=("with torch.no_grad():", "model.requires_grad_(False)\n    if True:"),
        sigmoid_above_zero=("(logits > 0)", "(torch.sigmoid(logits) > 0)"),
        above_half=("(logits > 0)", "(logits > 0.5)"),
        squeezed_whole=(".squeeze(1)", ".squeeze()"),
        mean_of_batches=(
            "loss_function(logits, y).item() * len(y)",
            "loss_function(logits, y).item() * 1.0",
        ),
        percent=("right / count", "100 * right / count"),
        number_right=("right / count", "right"),
        order=("return total / count, right / count", "return right / count, total / count"),
        compared_with_all=("((logits > 0) == (y > 0.5))", "((logits[:, None] > 0) == (y > 0.5))"),
        error_rate=("right / count", "1 - right / count"),
        argmax=("(logits > 0)", "(model(x).argmax(1) > 0)"),
    ),
    *slips(
        "ex06.freeze",
        FREEZE,
        eval_alone=("            layer.train = lambda mode=True, layer=layer: layer\n", ""),
        affine_alone=("            layer.eval()\n", ""),
        statistics_alone=(
            "            layer.weight.requires_grad_(False)\n            layer.bias.requires_grad_(False)\n",
            "",
        ),
        weight_alone=("            layer.bias.requires_grad_(False)\n", ""),
        children_alone=("model.modules()", "model.children()"),
        one_kind=("isinstance(layer, kinds)", "isinstance(layer, nn.BatchNorm2d)"),
        everything=(
            "        if isinstance(layer, kinds):\n",
            "        if hasattr(layer, 'weight'):\n",
        ),
        momentum_zero=("            layer.eval()\n", "            layer.momentum = 0.0\n"),
        affine_reset=(
            "            layer.eval()\n",
            "            layer.eval()\n            nn.init.ones_(layer.weight)\n",
        ),
        statistics_reset=(
            "            layer.eval()\n",
            "            layer.eval()\n            layer.reset_running_stats()\n",
        ),
        grad_set_to_none=(
            "            layer.weight.requires_grad_(False)\n",
            "            layer.weight.grad = None\n",
        ),
    ),
    *values("ex07.saved", 122, 51, 3, 10, 224, 99, 12, 113),
    *slips(
        "ex07.block",
        BLOCK,
        bias_in_both=("padding=1, bias=False)", "padding=1)"),
        bias_in_none=(
            "conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)\n",
            "conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)\n",
        ),
        orders_exchanged=('order == "before"', 'order == "after"'),
        no_padding=("3, padding=1, bias=False)", "3, bias=False)"),
        channels_of_the_input=(
            "nn.BatchNorm2d(out_channels), nn.ReLU()",
            "nn.BatchNorm2d(in_channels), nn.ReLU()",
        ),
        for_vectors=(
            "nn.BatchNorm2d(out_channels), nn.ReLU()",
            "nn.BatchNorm1d(out_channels), nn.ReLU()",
        ),
        norm_first=(
            "conv, nn.BatchNorm2d(out_channels), nn.ReLU()",
            "nn.BatchNorm2d(in_channels), conv, nn.ReLU()",
        ),
        no_relu=(
            "conv, nn.BatchNorm2d(out_channels), nn.ReLU()",
            "conv, nn.BatchNorm2d(out_channels)",
        ),
        one_by_one=("out_channels, 3, padding=1, bias=False", "out_channels, 1, bias=False"),
        a_list=(
            "return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())",
            "return [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]",
        ),
    ),
    *slips(
        "ex07.residual",
        RESIDUAL,
        not_silent=("        nn.init.zeros_(self.norm2.weight)\n", ""),
        first_silent=("self.norm2.weight)", "self.norm1.weight)"),
        bias_silent=("self.norm2.weight)", "self.norm2.bias)"),
        conv_silent=("self.norm2.weight)", "self.conv2.weight)"),
        no_skip=("torch.relu(x + h)", "torch.relu(h)"),
        skip_after=("torch.relu(x + h)", "x + torch.relu(h)"),
        no_last_relu=("torch.relu(x + h)", "x + h"),
        no_middle_relu=("torch.relu(self.norm1(self.conv1(x)))", "self.norm1(self.conv1(x))"),
        with_bias=(
            "self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)",
            "self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)",
        ),
        writes_into_x=("return torch.relu(x + h)", "x += h\n        return torch.relu(x)"),
        one_norm_twice=("h = self.norm2(self.conv2(h))", "h = self.norm1(self.conv2(h))"),
        other_names=(
            "self.norm1 = nn.BatchNorm2d(channels)",
            "self.bn1 = self.norm1_ = nn.BatchNorm2d(channels)",
        ),
        no_padding=(
            "self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)",
            "self.conv1 = nn.Conv2d(channels, channels, 3, bias=False)",
        ),
        relu_before_norm=(
            "torch.relu(self.norm1(self.conv1(x)))",
            "self.norm1(torch.relu(self.conv1(x)))",
        ),
    ),
    *values("ex07.moved_mean", 2.1, 1.5, 0.6, -0.9, 1.2, 0.45, 0.3),
    *slips(
        "ex07.fold",
        FOLD,
        eps_forgotten=("running_var + eps", "running_var"),
        root_forgotten=("np.sqrt(running_var + eps)", "(running_var + eps)"),
        mean_forgotten=("(bias - running_mean) * scale", "bias * scale"),
        mean_added=("(bias - running_mean)", "(bias + running_mean)"),
        bias_not_scaled=(
            "(bias - running_mean) * scale + beta",
            "bias - running_mean * scale + beta",
        ),
        beta_forgotten=(" + beta", ""),
        along_the_inputs=(
            "weight * scale.reshape((-1,) + (1,) * (weight.ndim - 1))",
            "weight * scale.mean()",
        ),
        gamma_forgotten=("gamma / np.sqrt", "1 / np.sqrt"),
        divided=("weight * scale.reshape", "weight / scale.reshape"),
        writes_into_weight=(
            "    new_weight = weight * scale.reshape((-1,) + (1,) * (weight.ndim - 1))\n",
            "    weight *= scale.reshape((-1,) + (1,) * (weight.ndim - 1))\n    new_weight = weight\n",
        ),
        no_bias_stays_none=(
            "        bias = np.zeros(len(gamma))\n",
            "        return weight * (gamma / np.sqrt(running_var + eps)).reshape((-1,) + (1,) * (weight.ndim - 1)), None\n",
        ),
        beta_scaled=(
            "(bias - running_mean) * scale + beta",
            "(bias - running_mean + beta) * scale",
        ),
        swapped=("return new_weight, new_bias", "return new_bias, new_weight"),
    ),
    *slips(
        "ex08.steps",
        STEPS,
        from_zero=("return i + 1", "return i"),
        strictly_below=("loss <= target", "loss < target"),
        above=("loss <= target", "loss >= target"),
        minus_one=("return None", "return -1"),
        length=("return None", "return len(losses)"),
        zero=("return None", "return 0"),
        the_lowest=(
            "    for i, loss in enumerate(losses):\n        if loss <= target:\n            return i + 1\n    return None",
            "    return int(np.argmin(losses)) + 1",
        ),
        the_last=(
            "            return i + 1\n    return None",
            "            last = i + 1\n    return last",
        ),
        not_above=("if loss <= target", "if not loss > target"),
        the_loss=("return i + 1", "return loss"),
        a_list=("return i + 1", "return [i + 1]"),
    ),
    *slips(
        "ex08.compare",
        COMPARE,
        nan_ignored=(
            "np.where(np.isnan(plain), worst, plain).mean(axis=1)",
            "np.nanmean(plain, axis=1)",
        ),
        one_rate=("j = bn.argmin()", "j = i"),
        best_of_seeds=(
            "np.where(np.isnan(bn), worst, bn).mean(axis=1)",
            "np.where(np.isnan(bn), worst, bn).min(axis=1)",
        ),
        median=(
            "np.where(np.isnan(bn), worst, bn).mean(axis=1)",
            "np.median(np.where(np.isnan(bn), worst, bn), axis=1)",
        ),
        other_sign=("plain[i] - bn[j]", "bn[j] - plain[i]"),
        ratio=("plain[i] - bn[j]", "plain[i] / bn[j]"),
        indices=("return rates[i], rates[j]", "return i, j"),
        worst_rate=("i = plain.argmin()", "i = plain.argmax()"),
        over_rates=(
            "np.where(np.isnan(plain), worst, plain).mean(axis=1)",
            "np.where(np.isnan(plain), worst, plain).mean(axis=0)",
        ),
        zero_for_nan=("np.where(np.isnan(bn), worst, bn)", "np.nan_to_num(bn)"),
        writes_into_table=(
            "    plain = np.where(np.isnan(plain), worst, plain).mean(axis=1)\n",
            "    plain[np.isnan(plain)] = worst\n    plain = plain.mean(axis=1)\n",
        ),
    ),
    *slips(
        "ex08.others",
        OTHERS,
        own_seed_kept=("np.delete(filled, j, axis=1)", "filled"),
        best_of_own=("best = rest.mean(axis=1).argmin()", "best = filled[:, j].argmin()"),
        loss_of_the_others=("filled[best, j]", "rest.mean(axis=1)[best]"),
        a_rate_left_out=(
            "np.delete(filled, j, axis=1)",
            "np.delete(filled, j, axis=0) if j < len(filled) else filled",
        ),
        nan_kept=("filled[best, j]", "losses[best, j]"),
        nan_ignored=(
            "best = rest.mean(axis=1).argmin()",
            "best = np.nanmean(np.delete(losses, j, axis=1), axis=1).argmin()",
        ),
        the_indices=("filled[best, j]", "best"),
        mean=("return np.array(result)", "return np.mean(result)"),
        lowest=("best = rest.mean(axis=1).argmin()", "best = rest.min(axis=1).argmin()"),
    ),
    *slips(
        "ex08.interval",
        INTERVAL,
        biased=("d.std(ddof=1)", "d.std()"),
        variance=("d.std(ddof=1)", "d.var(ddof=1)"),
        root_forgotten=("np.sqrt(len(d))", "len(d)"),
        n_forgotten=("t * s / np.sqrt(len(d))", "t * s"),
        normal=("t * s", "1.96 * s"),
        unpaired=("s = d.std(ddof=1)", "s = np.sqrt(np.var(a, ddof=1) + np.var(b, ddof=1))"),
        other_way=("np.asarray(a) - np.asarray(b)", "np.asarray(b) - np.asarray(a)"),
        order=("return mean, mean - half, mean + half", "return mean - half, mean, mean + half"),
        half_width=("return mean, mean - half, mean + half", "return mean, half, half"),
        n_minus_1_twice=("np.sqrt(len(d))", "np.sqrt(len(d) - 1)"),
        absolute=("np.asarray(a) - np.asarray(b)", "np.abs(np.asarray(a) - np.asarray(b))"),
        sorted_first=("np.asarray(a) - np.asarray(b)", "np.sort(a) - np.sort(b)"),
    ),
    *slips(
        "ex08.verdict",
        VERDICT,
        equal_is_above=("low > bound", "low >= bound"),
        strict_below=("high <= bound", "high < bound"),
        against_zero=("low > bound", "low > 0"),
        the_middle=("low > bound", "(low + high) / 2 > bound"),
        high_decides=("low > bound", "high > bound"),
        refuted=('"not supported"', '"refuted"'),
        no_inconclusive=('return "inconclusive"', 'return "not supported"'),
        booleans=('return "supported"', "return True"),
    ),
    *values("ex08.gradient_factor", 4, 1, 16, 0.0625, -4, 2),
    *values("ex08.rate_factor", 4, 0.0625, 1, 0.25, 2, 8),
    *slips(
        "ex08.effective_rate",
        EFFECTIVE,
        norm=("np.sum(weight ** 2)", "np.sqrt(np.sum(weight ** 2))"),
        mean=("np.sum(weight ** 2)", "np.mean(weight ** 2)"),
        times=("rate / np.sum", "rate * np.sum"),
        per_output=("np.sum(weight ** 2)", "np.sum(weight ** 2, axis=0)"),
        absolute=("np.sum(weight ** 2)", "np.sum(np.abs(weight))"),
        square_of_sum=("np.sum(weight ** 2)", "np.sum(weight) ** 2"),
        spectral=("np.sum(weight ** 2)", "np.linalg.norm(weight.reshape(len(weight), -1), 2) ** 2"),
        rate_forgotten=("rate / np", "1 / np"),
    ),
    *values("ex08.noise", 0.1875, 3, 0.5625, 12, 0.775, 48),
    *values("ex09.two", 1.914, 1, 2, -1.5, 1.5, 14.5, 0.5, 3),
    *slips(
        "ex09.batches",
        BATCHES,
        dropped=("        batches[-1] += last\n", ""),
        kept_alone=(
            "    if len(batches[-1]) == 1:\n        last = batches.pop()\n        batches[-1] += last\n",
            "",
        ),
        rest_of_two_joined=(
            "len(batches[-1]) == 1",
            "len(batches[-1]) < batch_size and len(batches) > 1",
        ),
        rest_dropped=(
            "for i in range(0, n, batch_size)]",
            "for i in range(0, n - batch_size + 1, batch_size)]",
        ),
        no_error=(
            '    if n < 2 or batch_size < 2:\n        raise ValueError("need at least 2")\n',
            "",
        ),
        both_needed=("n < 2 or batch_size < 2", "n < 2 and batch_size < 2"),
        none_returned=('raise ValueError("need at least 2")', "return []"),
        counted_from_one=(
            "list(range(i, min(i + batch_size, n)))",
            "list(range(i + 1, min(i + batch_size, n) + 1))",
        ),
        to_the_first=("        batches[-1] += last\n", "        batches[0] += last\n"),
        ranges=("    return batches", "    return [len(b) for b in batches]"),
        borrowed=(
            "        last = batches.pop()\n        batches[-1] += last\n",
            "        batches[-1].insert(0, batches[-2].pop())\n",
        ),
        other_error=("raise ValueError", "raise TypeError"),
    ),
    *values("ex09.values", 512, 32, 8, 768, 16, 4, 2048),
    *slips(
        "ex09.ghosts",
        GHOSTS,
        ordinary=(
            "for i in range(0, len(x), ghost):\n        part = x[i:i + ghost]",
            "for i in [0]:\n        part = x",
        ),
        strided=("part = x[i:i + ghost]", "part = x[i // ghost::len(x) // ghost]"),
        ghost_is_the_number=("range(0, len(x), ghost)", "range(0, len(x), len(x) // ghost)"),
        examples_alone=("axes = (0,) + tuple(range(2, x.ndim))", "axes = (0,)"),
        sample_variance=(
            "part.var(axis=axes, keepdims=True)",
            "part.var(axis=axes, keepdims=True, ddof=1)",
        ),
        eps_outside=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
        mean_of_all=("part.mean(axis=axes, keepdims=True)", "x.mean(axis=axes, keepdims=True)"),
        variance_of_all=("part.var(axis=axes, keepdims=True)", "x.var(axis=axes, keepdims=True)"),
        beta_forgotten=(" + beta.reshape(shape)", ""),
        affine_within=("gamma.reshape(shape) * x_hat", "gamma.reshape(shape) ** 2 * x_hat"),
        channels_too=("axes = (0,) + tuple(range(2, x.ndim))", "axes = tuple(range(x.ndim))"),
        first_alone=(
            "x_hat = np.concatenate(parts)",
            "x_hat = np.concatenate([parts[0]] * len(parts))",
        ),
        reversed_order=("np.concatenate(parts)", "np.concatenate(parts[::-1])"),
        a_list=(
            "return gamma.reshape(shape) * x_hat + beta.reshape(shape)",
            "return [gamma.reshape(shape) * p + beta.reshape(shape) for p in parts]",
        ),
    ),
    *slips(
        "ex09.combined",
        COMBINE,
        plain_mean=("(n1 * mean1 + n2 * mean2) / n\n", "(mean1 + mean2) / 2\n"),
        within_alone=("within + between", "within"),
        plain_variances=("(n1 * var1 + n2 * var2) / n", "(var1 + var2) / 2"),
        between_alone=("within + between", "between"),
        not_squared=("(mean1 - mean) ** 2", "np.abs(mean1 - mean)"),
        sample=("(n1 * var1 + n2 * var2) / n", "(n1 * var1 + n2 * var2) / (n - 1)"),
        minus=("within + between", "within - between"),
        sum_of_variances=("(n1 * var1 + n2 * var2) / n", "var1 + var2"),
        distance_of_the_two=(
            "(n1 * (mean1 - mean) ** 2 + n2 * (mean2 - mean) ** 2) / n",
            "(mean1 - mean2) ** 2",
        ),
        weights_exchanged=("(n1 * mean1 + n2 * mean2) / n\n", "(n2 * mean1 + n1 * mean2) / n\n"),
        pooled_degrees=(
            "(n1 * var1 + n2 * var2) / n",
            "((n1 - 1) * var1 + (n2 - 1) * var2) / (n - 2)",
        ),
        order=("return mean, within + between", "return within + between, mean"),
        root=("return mean, within + between", "return mean, np.sqrt(within + between)"),
    ),
    *slips(
        "ex09.reestimate",
        REESTIMATE,
        no_reset=("        m.reset_running_stats()\n", ""),
        momentum_kept=("        m.momentum = None\n", ""),
        momentum_lost=(
            "    for m, momentum in zip(layers, momenta):\n        m.momentum = momentum\n",
            "",
        ),
        eval_mode=("        m.train()\n", ""),
        mode_lost=("    for m, mode in modes:\n        m.training = mode\n", ""),
        one_mode_for_all=(
            "    for m, mode in modes:\n        m.training = mode\n",
            "    model.train(modes[0][1])\n",
        ),
        first_batch=("for x in batches:", "for x in batches[:1]:"),
        children_alone=(
            "layers = [m for m in model.modules()",
            "layers = [m for m in model.children()",
        ),
        vectors_alone=("(nn.BatchNorm1d, nn.BatchNorm2d)", "nn.BatchNorm1d"),
        in_one_batch=(
            "        for x in batches:\n            model(x)\n",
            "        model(torch.cat(batches))\n",
        ),
        twice=(
            "        for x in batches:\n            model(x)\n",
            "        for _ in range(2):\n            for x in batches:\n                model(x)\n                break\n",
        ),
        frozen=(
            "    with torch.no_grad():\n",
            "    model.requires_grad_(False)\n    with torch.no_grad():\n",
        ),
        gradients=(
            "    with torch.no_grad():\n        for x in batches:\n            model(x)\n",
            "    for x in batches:\n        model(x).sum().backward()\n",
        ),
        affine_reset=("m.reset_running_stats()", "m.reset_parameters()"),
    ),
    *values("ex09.hot", 316, -20, 99980, -19, 138, 297, 0),
    *slips(
        "ex10.training",
        TRAINING,
        validated_in_train_mode=("    net.eval()\n", "    net.train()\n"),
        counted_per_epoch=(
            "    for _ in range(epochs):\n",
            "    for _ in range(epochs):\n        step = 0\n",
        ),
        before_the_step=(
            (
                "            optimizer.step()\n            step += 1\n            if step % every == 0:\n                errors.append(validate(net, x_val, y_val))",
                "            step += 1\n            if step % every == 0:\n                errors.append(validate(net, x_val, y_val))\n            optimizer.step()",
            )
        ),
        gradients_added_up=("            optimizer.zero_grad()\n", ""),
        no_validation=(
            "                errors.append(validate(net, x_val, y_val))",
            "                errors.append(loss.item())",
        ),
        eval_throughout=("            net.train()\n", "            net.eval()\n"),
    ),
    *slips(
        "ex10.prediction",
        PREDICTION,
        to_train_mode=(
            "    for m, mode in modes:\n        m.training = mode\n",
            "    net.train()\n",
        ),
        left_in_eval=("    for m, mode in modes:\n        m.training = mode\n", ""),
        one_mode=(
            "    for m, mode in modes:\n        m.training = mode\n",
            "    net.train(modes[0][1])\n",
        ),
        with_a_graph=("    with torch.no_grad():\n", "    if True:\n"),
        last_part_lost=(
            "for part in x.split(size):",
            "for part in x[:len(x) // size * size].split(size):",
        ),
        parameters_frozen=("    net.eval()\n", "    net.eval()\n    net.requires_grad_(False)\n"),
        children_alone=(
            "    modes = [(m, m.training) for m in net.modules()]",
            "    modes = [(m, m.training) for m in net.children()]",
        ),
    ),
    *slips(
        "ex10.fine_tuning",
        FINE_TUNING,
        train_undoes_it=(
            "        net.train()\n        backbone.eval()\n",
            "        backbone.eval()\n        net.train()\n",
        ),
        affine_learns=(
            "    backbone.requires_grad_(False)\n",
            "    for layer in backbone:\n        if isinstance(layer, nn.Linear):\n            layer.requires_grad_(False)\n",
        ),
        head_in_eval=("        net.train()\n        backbone.eval()\n", "        net.eval()\n"),
        backbone_learns=("    backbone.requires_grad_(False)\n", ""),
        once_alone=(("        net.train()\n        backbone.eval()\n", "        pass\n")),
        adam=("torch.optim.SGD(learning, lr=rate)", "torch.optim.Adam(learning, lr=rate)"),
        with_momentum=(
            "torch.optim.SGD(learning, lr=rate)",
            "torch.optim.SGD(learning, lr=rate, momentum=0.9)",
        ),
        everything_frozen=(
            "    backbone.requires_grad_(False)\n",
            "    backbone.requires_grad_(False)\n    net[1][0].requires_grad_(False)\n",
        ),
    ),
    *slips(
        "ex10.layer",
        MEMORY,
        momentum_as_it_was=(
            "(1 - self.momentum) * old + self.momentum * new.detach()",
            "self.momentum * old + (1 - self.momentum) * new.detach()",
        ),
        graph_kept=("new.detach()", "new"),
        mean_not_saved=(
            'self.register_buffer("running_mean", torch.zeros(channels))',
            "self.running_mean = torch.zeros(channels)",
        ),
        as_parameters=(
            'self.register_buffer("running_var", torch.ones(channels))',
            "self.running_var = nn.Parameter(torch.ones(channels), requires_grad=False)",
        ),
        counter_added=(
            '        self.register_buffer("running_var", torch.ones(channels))\n',
            '        self.register_buffer("running_var", torch.ones(channels))\n        self.register_buffer("num_batches_tracked", torch.tensor(0))\n',
        ),
        biased_kept=("var * n / (n - 1))", "var)"),
        detached_in_forward=("mu = x.mean(dim=0)", "mu = x.mean(dim=0).detach()"),
        default_changed=("momentum=0.1)", "momentum=0.9)"),
    ),
    *slips(
        "ex10.averaging",
        AVERAGING,
        no_reset=("        m.reset_running_stats()\n", ""),
        momentum_kept=("        m.momentum = None\n", ""),
        momentum_lost=(
            "    for m, momentum in zip(layers, momenta):\n        m.momentum = momentum\n",
            "",
        ),
        buffers_averaged=(
            "averaged.named_parameters():\n            own.copy_(torch.stack([state[name] for state in states]).mean(0))",
            "averaged.state_dict().items():\n            own.copy_(torch.stack([state[name].float() for state in states]).mean(0))",
        ),
        left_in_train=("    return averaged.eval()", "    return averaged"),
        statistics_before_weights=(
            (
                "        for x in batches:\n            averaged(x)\n",
                "        for x in batches[-1:]:\n            averaged(x)\n",
            )
        ),
        children_alone=("averaged.modules()", "averaged.children()"),
        the_first_one_changed=("averaged = copy.deepcopy(nets[0])", "averaged = nets[0]"),
        last_net_alone=(".mean(0))", "[-1])"),
        in_eval=("        averaged.train()\n", "        averaged.eval()\n"),
    ),
    *slips(
        "ex10.leftovers",
        LEFTOVERS,
        one_alone_skipped=("if len(part) < size:", "if len(part) == 1:"),
        test_cut_too=(
            "        for part in cut(torch.arange(len(x)), size):\n",
            "        for part in [p for p in cut(torch.arange(len(x)), size) if len(p) == size]:\n",
        ),
        cut_skips=(
            "return list(order.split(size))",
            "return [part for part in order.split(size) if len(part) == size]",
        ),
        mean_of_batches=(
            "((net(x[part]) - y[part]) ** 2).sum().item()\n            seen += len(part)",
            "((net(x[part]) - y[part]) ** 2).mean().item()\n            seen += 1",
        ),
        test_in_train_mode=("    net.eval()\n", ""),
        stops_there=("                continue\n", "                return\n"),
        fewer_examples=(
            "for order in orders:\n",
            "for order in orders:\n        order = order.sort().values\n",
        ),
        last_joined=(
            "return list(order.split(size))",
            "parts = list(order.split(size))\n    if len(parts[-1]) < size and len(parts) > 1:\n        parts[-2:] = [torch.cat(parts[-2:])]\n    return parts",
        ),
        train_forgotten=("        net.train()\n", ""),
    ),
    *slips(
        "ex11.normalise",
        NORMALISE,
        axes_lost=("x.mean(axis=axes, keepdims=True)", "x.mean(axis=axes)"),
        everything=("x.var(axis=axes, keepdims=True)", "x.var()"),
        eps_outside=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
        sample=("x.var(axis=axes, keepdims=True)", "x.var(axis=axes, keepdims=True, ddof=1)"),
        no_root=("np.sqrt(var + eps)", "(var + eps)"),
        other_axes=(
            "x.mean(axis=axes, keepdims=True)",
            "x.mean(axis=tuple(i for i in range(x.ndim) if i not in axes), keepdims=True)",
        ),
        first_axis=("x.mean(axis=axes, keepdims=True)", "x.mean(axis=axes[0], keepdims=True)"),
        not_centred=("(x - mean) / np", "x / np"),
        no_eps=("var + eps", "var"),
        centred_after=(
            "return (x - mean) / np.sqrt(var + eps)",
            "return x / np.sqrt(var + eps) - mean",
        ),
    ),
    *slips(
        "ex11.axes",
        AXES,
        batch_over_examples=("return (0,) + positions", "return (0,)"),
        layer_over_channels=("return (1,) + positions", "return (1,)"),
        layer_over_all=("return (1,) + positions", "return (0, 1) + positions"),
        instance_over_examples=("    return positions\n", "    return (0,) + positions\n"),
        no_error=(
            '    if not positions:\n        raise ValueError("instance norm needs positions")\n',
            "",
        ),
        exchanged=('kind == "batch"', 'kind == "instance_"'),
        a_list=("return (0,) + positions", "return [0, *positions]"),
        negative=("return (1,) + positions", "return tuple(range(-ndim + 1, 0))"),
        images_alone=("tuple(range(2, ndim))", "(2, 3)"),
        order=("return (0,) + positions", "return positions + (0,)"),
        none_for_none=('raise ValueError("instance norm needs positions")', "return None"),
    ),
    *values("ex11.means", 3, 8, 48, 6, 18, 144),
    *values("ex11.members", 16, 256, 768, 96, 2, 12),
    *slips(
        "ex11.groups",
        GROUPS,
        whole_batch=("sets.mean(axis=2, keepdims=True)", "sets.mean(axis=(0, 2), keepdims=True)"),
        size_for_number=("x.reshape(n, groups, -1)", "x.reshape(n, c // groups, -1)"),
        strided=(
            "sets = x.reshape(n, groups, -1)",
            "order = np.argsort(np.arange(c) % groups, kind='stable')\n    sets = x[:, order].reshape(n, groups, -1)",
        ),
        gamma_per_group=(
            "gamma.reshape(shape)",
            "gamma[:groups].repeat(c // groups).reshape(shape)",
        ),
        one_group=("x.reshape(n, groups, -1)", "x.reshape(n, 1, -1)"),
        per_channel=("x.reshape(n, groups, -1)", "x.reshape(n, c, -1)"),
        positions_apart=(
            "sets.var(axis=2, keepdims=True)",
            "x.reshape(n, groups, c // groups, -1).var(axis=3).mean(axis=2).reshape(n, groups, 1)",
        ),
        sample=("sets.var(axis=2, keepdims=True)", "sets.var(axis=2, keepdims=True, ddof=1)"),
        eps_outside=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
        beta_forgotten=(" + beta.reshape(shape)", ""),
        beta_scaled=(
            "x_hat * gamma.reshape(shape) + beta.reshape(shape)",
            "(x_hat + beta.reshape(shape)) * gamma.reshape(shape)",
        ),
        shape_lost=(".reshape(x.shape)", ""),
    ),
    *slips(
        "ex11.tokens",
        TOKENS,
        of_the_sequence=("x.mean(axis=2, keepdims=True)", "x.mean(axis=(1, 2), keepdims=True)"),
        over_steps=("x.var(axis=2, keepdims=True)", "x.var(axis=1, keepdims=True)"),
        batch_norm=("x.mean(axis=2, keepdims=True)", "x.mean(axis=(0, 1), keepdims=True)"),
        sample=("x.var(axis=2, keepdims=True)", "x.var(axis=2, keepdims=True, ddof=1)"),
        beta_first=(
            "gamma * (x - mu) / np.sqrt(var + eps) + beta",
            "gamma * ((x - mu) / np.sqrt(var + eps) + beta)",
        ),
        no_root=("np.sqrt(var + eps)", "(var + eps)"),
        rms=("(x - mu)", "x"),
        eps_outside=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
        gamma_forgotten=("gamma * (x - mu)", "(x - mu)"),
    ),
    *slips(
        "ex11.sequences",
        SEQUENCES,
        layer_norm=("x.mean(axis=(0, 1))", "x.mean(axis=2, keepdims=True)"),
        examples_alone=("x.mean(axis=(0, 1))", "x.mean(axis=0)"),
        steps_alone=("x.var(axis=(0, 1))", "x.var(axis=1, keepdims=True)"),
        everything=("x.var(axis=(0, 1))", "x.var()"),
        channels_in_the_middle=("x.mean(axis=(0, 1))", "x.mean(axis=(0, 2), keepdims=True)"),
        sample=("x.var(axis=(0, 1))", "x.var(axis=(0, 1), ddof=1)"),
        turned=(
            "return gamma * (x - mu) / np.sqrt(var + eps) + beta",
            "return (gamma * (x - mu) / np.sqrt(var + eps) + beta).transpose(0, 2, 1)",
        ),
        last_sequence=("x.mean(axis=(0, 1))", "x[-1].mean(axis=0)"),
        eps_outside=("np.sqrt(var + eps)", "(np.sqrt(var) + eps)"),
    ),
)
