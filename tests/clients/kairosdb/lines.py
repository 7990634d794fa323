"""Lines for the telnet door made by chance, always the same ones: good ones, and such as are nearly so."""
import random

SEED = 20261201
BLANKS = [" ", " ", " ", " ", "  ", "\t", " \t ", "\r ", "\x01", "\0"]
COMMANDS = ["put"] * 10 + ["putm"] * 4 + ["puts"] * 3 + ["PUT", "get", "putx", ""]
TIMES = ["1700000000", "1600000123", "1", "0", "-1", "-1000", "2999999999", "3000000000", "1700000000123"] * 3 + [
    "99999999999", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "+1", "1.0", "1e9", "", "x",
    "0001", "--1", "1700000000s", "-0",
]
NUMBERS = ["1", "0", "-1", "42", "1.5", "-0.25", "5.", ".5", "-.5", "1.5e3", "1.5E-3", "100.0",
"9007199254740993"] * 3 + [
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e3", "+5", "+5.5", "NaN", "Infinity", "abc",
    "1.2.3", "1,5", ".", "-", "-.", "1.5e", "0x10", "0x1.8p1", "1.5f", "1.5d", "1.0E400", "-1.0E400", "1.0E-400",
    "1_0", "", "007",
    "-0.0", "1.e1", "1.5e+3", "- 1", "0.1000000000000000055511151231257827",
]
WORDS = ["hello", '"two words"', "12", "1.5", "x=y", '"', '"x', "a\\b", "</b>", "true"]
TAGS = ["host=a", "host=b", "dc=x", "a=b:c", "d:e=f/g", "k=v"] * 4 + [
    "k", "k=", "=", "=v", "k==v", "k=a=b", "k=a==",
    '"k=a b"', 'k="a b"', '"k"=v', "kairos_opt.ttl=2000000000", "kairos_opt.ttl=x",
    "kairos_opt.ttl=", "kairos_opt.ttl", "kairos_opt.ttl=0", "kairos_opt.ttl=-1", "kairos_opt.ttl=1.5",
    "kairos_opt.other=1", "host=*", "host=a,b",
    "host=\u00e4\u00f6", "host=\u4f60\u597d",
]


def line(chance, name):
    """A line for the metric `name`."""
    command = chance.choice(COMMANDS)
    tokens = [command]
    tokens.append(chance.choice([name] * 12 + ['"%s"' % name, name + '"', '"%s x"' % name, "%s:/{}*$" % name, '""']))
    tokens.append(chance.choice(TIMES))
    tokens.append(chance.choice(WORDS + NUMBERS if command == "puts" else NUMBERS))
    tokens += [chance.choice(TAGS) for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3]))]
    if chance.random() < 0.05:
        del tokens[chance.randrange(len(tokens))]
    if chance.random() < 0.03:
        tokens.insert(chance.randrange(len(tokens)), chance.choice(TAGS + NUMBERS))
    text = tokens[0]
    for token in tokens[1:]:
        text += chance.choice(BLANKS) + token
    if chance.random() < 0.1:
        text = chance.choice(BLANKS) + text
    if chance.random() < 0.1:
        text += chance.choice(BLANKS)
    if chance.random() < 0.04:
        text = padded(text, chance.choice([1024, 1025, 3000]))
    return text + chance.choice(["\n", "\n", "\n", "\r\n"])


def padded(text, length):
    """The line of so many bytes, by tags none of which is too long for the real one's store."""
    nth = 0
    while len(text) < length:
        nth += 1
        rest = length - len(text)
        # What is left for the last one must be a whole tag.
        text += (" pad%02d=" % nth).ljust(rest if rest < 180 else 150, "x")
    return text


def some(count):
    """Pairs of a name and the line that may store a point of it."""
    chance = random.Random(SEED)
    for nth in range(count):
        name = "line.%d" % nth
        yield name, line(chance, name)
