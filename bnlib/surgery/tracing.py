"""What follows on what in a model, by torch.fx: the neighbours of a layer, or why it has none.

A model that cannot be traced as a whole is taken apart: those of its submodules that can be traced,
such as every nn.Sequential, are traced by themselves.
"""

from collections import Counter
from collections.abc import Container
from contextlib import suppress
from itertools import chain
from operator import attrgetter

from torch import fx, nn

from bnlib.surgery.layers import is_batch_norm

_no_forward = nn.Module.forward  # of ModuleList and ModuleDict, which nobody calls


class Neighbourhood:
    """The graphs of a model, and questions about them. Paths are those of the model.

    The model is left with what its own forward stores in it while it is traced: give a copy.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._errors: dict[nn.Module, str] = {}
        self._passed: set[fx.Node] = set()
        self._nodes: dict[nn.Module, fx.Node] = {}
        self._uses: Counter[nn.Module] = Counter()
        self._read: set[object] = set()
        self._modules: dict[fx.Node, nn.Module] = {}
        self._paths = {module: path for path, module in model.named_modules()}
        for root, graph in self._graphs(model):
            for node in graph.nodes:
                if node.op == "call_module":
                    module = root.get_submodule(str(node.target))
                    self._uses[module] += 1
                    self._nodes[module], self._modules[node] = node, module
                elif node.op == "get_attr":
                    self._read.add(attrgetter(str(node.target))(root))

    def why_alone(self, path: str) -> str | None:
        """Why nothing may be folded into or out of a module: uses, hooks, parameters read."""
        module = self.model.get_submodule(path)
        uses = self._uses[module]
        if uses == 0:
            return f"no traced graph calls it{self._error_above(path)}"
        if uses > 1:
            return f"it is used {uses} times"
        if _hooked(module):
            return "it has hooks"
        if any(t in self._read for t in (*module.parameters(), *module.buffers())):
            return "its parameters are read from outside"
        return None

    def before(self, path: str) -> tuple[str | None, str]:
        """(path, "") of the module whose output is the input of this one, and of this one alone.

        (None, reason) where there is none. Identity, dropout in evaluation and what `take_out` was
        called for lie not in between.
        """
        node = self._nodes[self.model.get_submodule(path)]
        while True:
            if not node.all_input_nodes:
                return None, "no input"
            node = node.all_input_nodes[0]
            if node.op != "call_module":
                return None, _name(node)
            if len(node.users) > 1:
                return None, f"the output of {self._called(node)} is used elsewhere too"
            if not self._transparent(node):
                return self._paths[self._modules[node]], ""

    def after(self, path: str) -> tuple[str | None, str]:
        """The same for the one module that takes the output of this one."""
        node = self._nodes[self.model.get_submodule(path)]
        while True:
            if len(node.users) != 1:
                return None, f"{len(node.users)} uses of the output of {self._called(node)}"
            node = next(iter(node.users))
            if node.op != "call_module":
                return None, _name(node)
            if not self._transparent(node):
                return self._paths[self._modules[node]], ""

    def take_out(self, path: str) -> None:
        """Count a module as the identity from now on."""
        self._passed.add(self._nodes[self.model.get_submodule(path)])

    def _called(self, node: fx.Node) -> str:
        return self._paths[self._modules[node]]

    def _transparent(self, node: fx.Node) -> bool:
        module = self._modules[node]
        dropout = type(module).__module__ == nn.Dropout.__module__ and not module.training
        identity = dropout or type(module) is nn.Identity
        return node in self._passed or (identity and not _hooked(module))

    def _error_above(self, path: str) -> str:
        """What kept the innermost module around this path from being traced."""
        while path:
            path = path.rpartition(".")[0]
            module = self.model.get_submodule(path)
            if type(module).forward is not _no_forward and module in self._errors:
                name = path or type(module).__name__
                return f": {name} cannot be traced ({self._errors[module]})"
        return ""

    def _graphs(self, module: nn.Module) -> list[tuple[nn.Module, fx.Graph]]:
        """The graph of a module; else those of its children, with its own around them if it can be.

        A module that cannot be traced is a single node for the others.
        """
        try:
            return [(module, _Tracer(self._errors).trace(module))]
        except Exception as error:
            first = str(error).partition("\n")[0]
            message = f"{type(error).__name__}: {first}"
        known = len(self._errors)
        inner = {child: self._graphs(child) for child in module.children()}
        if len(self._errors) > known:
            with suppress(Exception):
                around = _Tracer(self._errors).trace(module)
                # it holds the children's own graphs, but for those of single nodes
                rest = [g if child in self._errors else g[1:] for child, g in inner.items()]
                return [(module, around), *chain(*rest)]
        self._errors[module] = message
        return list(chain(*inner.values()))


class _Tracer(fx.Tracer):
    """Goes through every module but torch's own, batch normalization and the given leaves."""

    def __init__(self, leaves: Container[nn.Module]) -> None:
        super().__init__()
        self.leaves = leaves

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is one node of the graph."""
        known = m in self.leaves or is_batch_norm(m)
        return known or super().is_leaf_module(m, module_qualified_name)


def _hooked(module: nn.Module) -> bool:
    names = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
    return any(getattr(module, name) for name in names)


def _name(node: fx.Node) -> str:
    """What stands there instead of a module."""
    if node.op in ("placeholder", "output"):
        return "the input of the model" if node.op == "placeholder" else "the output of the model"
    return f"{getattr(node.target, '__name__', node.target)}()"
