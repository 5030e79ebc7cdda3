"""That what measures the recipes still runs them."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import types
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def bench() -> types.ModuleType:
    """scripts/bench, whose name says nothing of its language."""
    loader = importlib.machinery.SourceFileLoader("bench", str(ROOT / "scripts/bench"))
    spec = importlib.util.spec_from_loader("bench", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench"] = module  # dataclasses look there
    loader.exec_module(module)
    return module


class Bench(unittest.TestCase):
    def test_each_recipe_is_run_and_its_calls_and_memory_are_seen(self) -> None:
        module = bench()
        aws = module.LocalAws()
        self.addCleanup(aws.stop)
        aws.connect(module.SETTINGS["CONNECTION"])
        for recipe, chain in module.CHAINS.items():
            if recipe.startswith("unchanged"):
                continue
            pipe = module.pipe_of(recipe.split()[-1])
            if recipe == "first pipeline-up":
                pipe = [one for one in pipe if one[0] != "wait-env"]
            aws.calls()
            _, memory = module.run(pipe, aws.url)
            calls = aws.calls()
            self.assertGreaterEqual(len(calls), len(chain))
            self.assertTrue(any(call["changing"] for call in calls))
            self.assertGreater(min(memory.values()), 0)


if __name__ == "__main__":
    unittest.main()
