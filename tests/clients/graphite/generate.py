"""Targets that chance nests three deep, always the same ones."""
import random

from cases import render

SEED = 20261130
COUNT = 350

LEAVES = [
    "s.a", "s.b", "s.*", "s.{a,b,c}", "srv.*.cpu.*", "srv.web1.cpu.user", "rnd.*", "rnd.r1", "rnd.r3", "hist.h",
    "cnt.x", "cnt.long", "slow.m", "mix.s10", "mix.s30", "mix.*", "gap.*", "num.up", "num.*", "season.h", "nat.*",
    "seriesByTag('name=disk')", "seriesByTag('host=~.')", "nosuch.*",
]

# % is a list of series made by chance, @ an aggregation.
COMBINE = [
    "sumSeries(%)", "sumSeries(%,%)", "averageSeries(%)", "averageSeries(%,%)", "maxSeries(%,%)", "minSeries(%)",
    "diffSeries(%,%)", "countSeries(%)", "stddevSeries(%)", "rangeOfSeries(%,%)", "multiplySeries(%)",
    "aggregate(%,'@')", "percentileOfSeries(%,75)", "groupByNode(%,1,'@')", "groupByNodes(%,'@',0,1)",
    "asPercent(%)", "asPercent(%,100)", "sumSeriesWithWildcards(%,1)", "group(%,%)", "unique(%,%)",
]
TRANSFORM = [
    "absolute(%)", "add(%,2)", "scale(%,0.5)", "scale(%,-3)", "offset(%,1.25)", "derivative(%)", "integral(%)",
    "nonNegativeDerivative(%)", "perSecond(%)", "keepLastValue(%)", "keepLastValue(%,1)", "interpolate(%)",
    "transformNull(%,0)", "isNonNull(%)", "changed(%)", "invert(%)", "log(%)", "squareRoot(%)", "pow(%,2)",
    "round(%,1)", "minMax(%)", "offsetToZero(%)", "delay(%,1)", "summarize(%,'2min','@')",
    "summarize(%,'3min','@',true)", "smartSummarize(%,'2min','@')", "hitcount(%,'2min')", "timeShift(%,'2min')",
    "scaleToSeconds(%,10)", "sigmoid(%)", "integralByInterval(%,'2min')", "timeSlice(%,'-5min')",
    "consolidateBy(%,'max')", "cumulative(%)",
]
CALCULATE = [
    "movingAverage(%,3)", "movingAverage(%,'3min')", "movingMax(%,2)", "movingMin(%,'2min')", "movingSum(%,4)",
    "movingMedian(%,3)", "movingWindow(%,3,'@')", "stdev(%,3)", "nPercentile(%,75)", "aggregateLine(%,'@')",
    "exponentialMovingAverage(%,3)", "linearRegression(%)",
]
FILTER = [
    "averageAbove(%,3)", "currentBelow(%,50)", "maximumAbove(%,2)", "minimumBelow(%,3)", "highest(%,2,'@')",
    "highestMax(%,2)", "lowestAverage(%,2)", "limit(%,2)", "exclude(%,'b')", "grep(%,'a')", "mostDeviant(%,2)",
    "removeAboveValue(%,20)", "removeBelowPercentile(%,30)", "removeEmptySeries(%)", "filterSeries(%,'@','>',2)",
    "sortBy(%,'@')", "sortByName(%)", "sortByMaxima(%)", "sortByTotal(%)", "sortByMinima(%)",
]
ALIAS = [
    "alias(%,'x')", "aliasByNode(%,1)", "aliasByNode(%,0,-1)", "aliasByMetric(%)", "aliasSub(%,'s','S')", "substr(%,1)",
    "upper(%)", "legendValue(%,'@')", "cactiStyle(%)", "dashed(%)", "stacked(%)", "secondYAxis(%)", "alpha(%,0.5)",
]
FAMILIES = [COMBINE, TRANSFORM, TRANSFORM, CALCULATE, FILTER, ALIAS]
AGGREGATIONS = "sum avg min max last count median diff range stddev multiply avg_zero".split()
REQUESTS = [{}, {}, {}, {"maxDataPoints": "4"}, {"xFilesFactor": "0.5"}, {"noNullPoints": "1"}]
RANGES = [{}, {}, {"from": 1699997000, "until": 1700000000}, {"from": 1699999201, "until": 1699999333}]


def target(chance, depth):
    """A target of at most `depth` functions around each leaf."""
    if depth == 0 or chance.random() < 0.1:
        return chance.choice(LEAVES)
    form = chance.choice(chance.choice(FAMILIES))
    while "@" in form:
        form = form.replace("@", chance.choice(AGGREGATIONS), 1)
    parts = form.split("%")
    return "".join(part + target(chance, depth - 1) for part in parts[:-1]) + parts[-1]


def nested():
    """The questions."""
    chance = random.Random(SEED)
    for number in range(COUNT):
        place = "generate.py:%d" % number
        more = {**chance.choice(REQUESTS), **chance.choice(RANGES)}
        yield render(place, target(chance, 3), more)
