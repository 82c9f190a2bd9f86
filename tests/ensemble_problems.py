"""Problems for the tests of ensembles: what they do is known, and some of them kill their worker."""

import builtins
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kwant_spinjunc.runs.realizations import Observable


@dataclass(frozen=True)
class Drawn:
    """Numbers drawn by realization; some realizations raise, kill their process, or do so the first time only."""

    seed: int = 3
    chunk: int = 4
    raises: tuple[int, ...] = ()
    kills: tuple[int, ...] = ()
    once: str = ""
    seconds: float = 0.0
    log: str = ""
    kind: str = "RuntimeError"
    environment: str = ""  # raise and kill only while this file exists
    quantities = (
        Observable("conductance", (), (), "1", "a positive number"),
        Observable("pair", ("lead",), (2,), "1", "two correlated numbers"),
    )

    @property
    def identity(self):
        return {"seed": self.seed, "chunk": self.chunk, "raises": list(self.raises), "kills": list(self.kills)}

    def solve(self, realization):
        time.sleep(self.seconds)
        if realization in self.raises or realization in self.kills:
            first = self.once and not Path(self.once).exists()
            if first:
                Path(self.once).touch()
            if first or not (self.once or (self.environment and not Path(self.environment).exists())):
                if realization in self.kills:
                    os._exit(9)
                raise getattr(builtins, self.kind)(f"sample {realization} is impossible")
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{realization}\n")
        x, y = np.random.default_rng([self.seed, realization]).standard_normal(2)
        return {"conductance": np.exp(x), "pair": [x, x + 0.1 * y]}
