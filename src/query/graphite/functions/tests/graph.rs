//! Functions that say how pictures show series: what the table of the original cannot say.

use super::*;

#[test]
fn a_stack_goes_on_through_all_targets_of_a_request() {
    let stored = stored();
    let leaves = Stored {
        series: &stored,
        sliced: true,
    };
    let pace = Pace::new(&Breathless);
    let context = context();
    let budget = Budget::new(context.limits.bytes_max, Together::default().share());
    let evaluator = Evaluator::new(&leaves, &budget, &pace);
    let ask = |text: &str| {
        let target = target::parse(text, &[]).expect("a good target");
        run(evaluator.prepare([&target], &context)).expect("leaves");
        show_all(run(evaluator.evaluate(&target, &context)))
    };
    assert_eq!(ask("stacked(s.a)"), "stacked(s.a) [1,2,·,4,5,6]");
    assert_eq!(ask("stacked(s.b)"), "stacked(s.b) [11,·,·,44,55,66]");
    assert_eq!(ask("stacked(s.c,'other')"), "s.c [3,3,3,3,3,3]");
    assert_eq!(ask("stacked(s.c,stackName='other')"), "s.c [6,6,6,6,6,6]");
    assert_eq!(ask("stacked(s.c)"), "stacked(s.c) [14,5,3,47,58,69]");
}

#[test]
fn wrong_arguments() {
    check_refused("areaBetween(s.*)", "must reference *exactly* 2 series");
    check_refused("alpha(s.a)", "Missing required parameter \"alpha\"");
    check_refused("dashed(s.a,'x')", "Invalid \"integer\" value");
    check_refused("verticalLine('foo')", "Unknown day reference: foo");
    check_refused("verticalLine('1699999560')", "exists after end of range");
    check_refused("threshold('x')", "Invalid \"float\" value");
    check_refused("color(s.a,red)", "put it in quotes");
}

#[test]
fn a_range_of_a_second_has_a_line_too() {
    let context = Context {
        until: context().from + 1,
        ..context()
    };
    assert_eq!(show_all(ask("threshold(5)", &context)), "5.0 @-1/1 [5,5,5]");
}
