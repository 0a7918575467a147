"""What a case is, and the list of all of them."""
import dataclasses
import typing


@dataclasses.dataclass
class Case:
    name: str
    run: typing.Callable
    sides: str = "s"                # "s", "r" or "sr"
    attack: str = "none"
    edit: str = "none"
    expect: dict = dataclasses.field(default_factory=dict)   # side -> rule ids
    has: dict = dataclasses.field(default_factory=dict)      # side -> bytes that must be there
    lacks: dict = dataclasses.field(default_factory=dict)    # side -> bytes that must not
    sender: str = "Postfix"
    receiver: str = "Postfix"
    notes: str = ""
    suffix: str = ".pcap"
    ca: str = "lab-ca.pem"          # the roots to judge by, a file of ca/
    forge: dict = dataclasses.field(default_factory=dict)    # side -> packets in, packets out

    def file(self, side):
        """A case with one tap needs no side in its name; an attack says it all the same."""
        named = self.attack != "none" or len(self.sides) > 1
        return self.name + (f".{side}" if named else "") + self.suffix

    def check(self, side, packets):
        """Why the packets do not show the case, or None. Races, above all, can be lost."""
        if not packets:
            return "no packets"
        text = b"\n".join(data for *_, data in packets)
        for wanted in self.has.get(side, []):
            if wanted not in text:
                return f"side {side} lacks {wanted!r}"
        for unwanted in self.lacks.get(side, []):
            if unwanted in text:
                return f"side {side} has {unwanted!r}"
        return None


def every_case():
    import cases_attack
    import cases_baseline
    import cases_clean
    listed = cases_clean.CASES + cases_attack.CASES + cases_baseline.CASES
    return {c.name: c for c in listed}
