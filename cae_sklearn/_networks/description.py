"""What all descriptions of networks have: they say how they differ."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Description:
    """Base of the frozen dataclasses that describe networks."""

    @property
    def trained(self):
        """The description of what is trained, the same for networks that differ elsewhere."""
        return self

    def values(self):
        """Return the fields and their values, and the kind of the network, as a dict."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"network": type(self).__name__, **values}

    def difference(self, other):
        """Say which values of the other description differ, each as "name from a to b"."""
        mine, others = self.values(), other.values()
        return [
            f"{name} from {mine.get(name)!r} to {others.get(name)!r}"
            for name in {**mine, **others}
            if mine.get(name) != others.get(name)
        ]
