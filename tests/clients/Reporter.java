// Dropwizard's three ways to Graphite, each with one report: java -cp JARS Reporter.java WAY PORT

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricFilter;
import com.codahale.metrics.MetricRegistry;
import com.codahale.metrics.graphite.Graphite;
import com.codahale.metrics.graphite.GraphiteReporter;
import com.codahale.metrics.graphite.GraphiteSender;
import com.codahale.metrics.graphite.GraphiteUDP;
import com.codahale.metrics.graphite.PickledGraphite;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

public class Reporter {
    public static void main(String[] arguments) {
        MetricRegistry registry = new MetricRegistry();
        registry.counter("requests").inc(42);
        registry.meter("hits").mark(7);
        registry.histogram("size").update(300);
        registry.timer("latency").update(120, TimeUnit.MILLISECONDS);
        registry.register("gauge.int", (Gauge<Integer>) () -> 7);
        registry.register("gauge.double", (Gauge<Double>) () -> 7.12345);
        registry.register("gauge.text", (Gauge<String>) () -> "no number");
        registry.register("gauge.nan", (Gauge<Double>) () -> Double.NaN);
        registry.register("has space", (Gauge<Long>) () -> 9223372036854775807L);

        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[1]));
        GraphiteReporter.forRegistry(registry)
                .prefixedWith("APIKEY.myapp")
                .convertRatesTo(TimeUnit.SECONDS)
                .convertDurationsTo(TimeUnit.MILLISECONDS)
                .filter(MetricFilter.ALL)
                .build(sender(arguments[0], address))
                .report();
    }

    private static GraphiteSender sender(String way, InetSocketAddress address) {
        switch (way) {
            case "lines": return new Graphite(address);
            case "pickles": return new PickledGraphite(address, 10);
            case "datagrams": return new GraphiteUDP(address);
            default: throw new IllegalArgumentException(way);
        }
    }
}
