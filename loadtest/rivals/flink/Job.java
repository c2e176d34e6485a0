import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.io.JsonStringEncoder;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The bench job on Flink's DataStream API: Job FILE OUT SUMMARY THREADS */
public final class Job {
    private static final Duration LATE = Duration.ofMinutes(1);
    private static final String[] COUNTS = {"lines", "malformed", "invalid", "rejected", "unique", "duplicates", "merged", "opened"};

    public static void main(String[] args) throws Exception {
        var env = StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(args[3]));
        env.getConfig().enableObjectReuse();
        env.fromSource(Lines.of(args[0]), WatermarkStrategy.noWatermarks(), "lines")
                .flatMap(new Read())
                .returns(Report.class)
                .assignTimestampsAndWatermarks(
                        WatermarkStrategy.<Report>forBoundedOutOfOrderness(LATE).withTimestampAssigner((report, at) -> report.ts))
                .keyBy(report -> report.source + '/' + report.bucket() + '/' + report.id)
                .process(new Unique())
                .returns(Report.class)
                // Merging and assigning share a key: a case's cell and category fix its pool.
                .keyBy(Report::pool)
                .process(new Assign())
                .returns(Types.STRING)
                .sinkTo(new Append(args[1]))
                .setParallelism(1);
        Map<String, Object> counts = env.execute("bench").getAllAccumulatorResults();
        var json = new StringBuilder();
        for (String name : COUNTS) {
            json.append(json.isEmpty() ? "{" : ", ").append('"' + name + "\": ").append(counts.getOrDefault(name, 0L));
        }
        Files.writeString(Path.of(args[2]), json.append("}\n"));
    }

    /** Lines become reports. */
    private static final class Read extends RichFlatMapFunction<byte[], Report> {
        private final LongCounter lines = new LongCounter();
        private final LongCounter malformed = new LongCounter();
        private final LongCounter invalid = new LongCounter();
        private final LongCounter rejected = new LongCounter();

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("lines", lines);
            getRuntimeContext().addAccumulator("malformed", malformed);
            getRuntimeContext().addAccumulator("invalid", invalid);
            getRuntimeContext().addAccumulator("rejected", rejected);
        }

        @Override
        public void flatMap(byte[] line, Collector<Report> out) {
            lines.add(1);
            try {
                Report report = Report.of(line);
                if (report != null) {
                    out.collect(report);
                    return;
                }
                invalid.add(1);
            } catch (IOException e) {
                malformed.add(1);
            }
            rejected.add(1);
        }
    }

    /** Drops re-sends: one flag for each source, bucket and id, cleared when the watermark is past the bucket. */
    private static final class Unique extends KeyedProcessFunction<String, Report, Report> {
        private final LongCounter unique = new LongCounter();
        private final LongCounter duplicates = new LongCounter();
        private transient ValueState<Boolean> seen;

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("unique", unique);
            getRuntimeContext().addAccumulator("duplicates", duplicates);
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.BOOLEAN));
        }

        @Override
        public void processElement(Report report, Context context, Collector<Report> out) throws IOException {
            if (seen.value() != null) {
                duplicates.add(1);
                return;
            }
            seen.update(true);
            context.timerService().registerEventTimeTimer((report.bucket() + 1) * Report.BUCKET_MS);
            unique.add(1);
            out.collect(report);
        }

        @Override
        public void onTimer(long at, OnTimerContext context, Collector<Report> out) {
            seen.clear();
        }
    }

    /** Merges what has a case, and gives every other case to the unit of its pool with the smallest load. */
    private static final class Assign extends KeyedProcessFunction<Integer, Report, String> {
        private final LongCounter merged = new LongCounter();
        private final LongCounter opened = new LongCounter();
        private transient MapState<Long, HashSet<Integer>> cases;
        private transient ValueState<int[]> loads;

        @Override
        public void open(OpenContext context) {
            getRuntimeContext().addAccumulator("merged", merged);
            getRuntimeContext().addAccumulator("opened", opened);
            var set = TypeInformation.of(new TypeHint<HashSet<Integer>>() {});
            cases = getRuntimeContext().getMapState(new MapStateDescriptor<>("cases", Types.LONG, set));
            loads = getRuntimeContext().getState(new ValueStateDescriptor<>("loads", int[].class));
        }

        @Override
        public void processElement(Report report, Context context, Collector<String> out) throws Exception {
            HashSet<Integer> there = cases.get(report.bucket());
            if (there == null) {
                there = new HashSet<>();
                context.timerService().registerEventTimeTimer((report.bucket() + 1) * Report.BUCKET_MS);
            }
            if (!there.add(report.cell() * Report.CATEGORIES.length + report.category)) {
                merged.add(1);
                return;
            }
            cases.put(report.bucket(), there);
            opened.add(1);
            out.collect(line(report, report.pool() * 8 + next()));
        }

        /** The unit whose turn it is: the first with the smallest load. */
        private int next() throws IOException {
            int[] load = loads.value() == null ? new int[8] : loads.value();
            int lightest = 0;
            for (int unit = 1; unit < load.length; unit++) {
                lightest = load[unit] < load[lightest] ? unit : lightest;
            }
            load[lightest]++;
            loads.update(load);
            return lightest;
        }

        private static String line(Report report, int unit) {
            var line = new StringBuilder(192).append("{\"case\":\"").append(report.cell()).append('-').append(report.category);
            line.append('-').append(report.bucket()).append("\",\"source\":\"").append(report.source).append("\",\"id\":\"");
            JsonStringEncoder.getInstance().quoteAsString(report.id, line);
            line.append("\",\"ts\":").append(report.ts).append(",\"cx\":").append(report.column).append(",\"cy\":");
            line.append(report.row).append(",\"category\":\"").append(Report.CATEGORIES[report.category]);
            line.append("\",\"dept\":").append(report.department()).append(",\"area\":").append(report.area());
            return line.append(",\"unit\":").append(unit).append('}').toString();
        }

        @Override
        public void onTimer(long at, OnTimerContext context, Collector<String> out) throws Exception {
            cases.remove(at / Report.BUCKET_MS - 1);
        }
    }

    /** One file of lines. */
    private record Append(String path) implements Sink<String> {
        @Override
        public SinkWriter<String> createWriter(WriterInitContext context) throws IOException {
            BufferedWriter file = Files.newBufferedWriter(Path.of(path));
            return new SinkWriter<>() {
                @Override
                public void write(String line, Context context) throws IOException {
                    file.write(line);
                    file.write('\n');
                }

                @Override
                public void flush(boolean endOfInput) throws IOException {
                    file.flush();
                }

                @Override
                public void close() throws IOException {
                    file.close();
                }
            };
        }
    }
}
